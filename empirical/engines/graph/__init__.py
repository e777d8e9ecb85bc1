"""Any network in any scale variable, trained by torch's autograd."""
