"""What a person types: client, command line and launcher."""
