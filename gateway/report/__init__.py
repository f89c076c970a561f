"""Reports: one file for people who open no dashboard."""
