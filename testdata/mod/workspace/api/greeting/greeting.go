// Package greeting is used across the modules of the workspace.
package greeting

// For greets by name.
func For(name string) string { return "hello, " + name }
