"""The tutorial's experiments (Karkada, arXiv 2404.19719), each as a claim that holds, does not, or stays open."""
