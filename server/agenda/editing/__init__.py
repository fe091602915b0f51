"""The programme as organisers change it, by hand or by a file."""
