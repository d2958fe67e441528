-- What the lines of the timeline were decided under.
SELECT policy FROM tallystick.timeline ORDER BY seq
