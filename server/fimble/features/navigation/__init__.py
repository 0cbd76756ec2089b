"""Where names are defined and used: answers from the workspace's index and the open documents."""
