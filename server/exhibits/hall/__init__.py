"""The organiser's side of the hall: booths and their documents, written."""
