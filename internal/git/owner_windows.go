package git

// owner is unknown here, so that nothing is remembered.
func owner(string) (uid uint32, ok bool) { return 0, false }
