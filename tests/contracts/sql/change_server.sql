-- As if the rows had come from another cluster.
UPDATE tallystick.watermark SET server = server + 1
