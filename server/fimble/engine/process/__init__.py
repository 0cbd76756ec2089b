"""The engine's process: owns the device, schedules, runs one model. Started as a command, imported by nobody."""
