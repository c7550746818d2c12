"""Files on this machine: those that come with the program, temporary, small, or written whole."""
