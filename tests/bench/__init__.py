"""What our speed costs and gives, each figure beside a reference from the same run."""
