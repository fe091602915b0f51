"""What officers put right: adjustments of one learner's presence, and outages of ours."""
