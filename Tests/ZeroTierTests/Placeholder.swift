import ZeroTier
