-- What no code does: forget who is to be woken.
DELETE FROM tallystick.wake
