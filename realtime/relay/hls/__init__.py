"""The stage over HTTPS: the same packets, put into files for whom no UDP reaches."""
