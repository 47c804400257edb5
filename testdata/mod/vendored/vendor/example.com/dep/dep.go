// Package dep is a vendored dependency.
package dep

// Name is the package's name.
func Name() string { return "dep" }
