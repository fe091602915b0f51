"""The provider's rules of credit: versioned, effective-dated, only added to."""
