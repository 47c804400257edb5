//go:build !linux

package gobuild

// runLowly calls start: threads have no priority of their own here.
func runLowly(start func() error) error { return start() }
