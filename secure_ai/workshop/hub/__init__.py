"""What the environment of the hub runs: warm processes, seats, sign-in and the instructor's board."""
