"""What `tallystick doctor` looks at, one module per part of the set-up."""
