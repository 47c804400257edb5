package keychain

import "fmt"

// ConfigError is a file of credentials that can't be used.
type ConfigError struct {
	Path string
	Err  error // without anything secret
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("reading credentials from %s: %v", e.Path, e.Err)
}
func (e *ConfigError) Unwrap() error { return e.Err }

// HelperError is a credential helper that is missing or failed.
type HelperError struct {
	Helper   string // as configured; the program is docker-credential-Helper
	Path     string // the file that names it
	Registry string
	Missing  bool  // there is no such program
	Err      error // without anything secret
}

func (e *HelperError) Error() string {
	return fmt.Sprintf("running docker-credential-%s for %s, as %s says: %v", e.Helper, e.Registry, e.Path, e.Err)
}
func (e *HelperError) Unwrap() error { return e.Err }

// CloudError is a login to a cloud that is there and does not work. That there is none
// is no error.
type CloudError struct {
	Cloud    string // for people
	Source   string // what was asked: a program, a file, a variable of the environment
	Registry string
	Login    string // what to run, or to change, so that it works again
	Err      error  // without anything secret
}

func (e *CloudError) Error() string {
	return fmt.Sprintf("asking %s for a login to %s: %v", e.Source, e.Registry, e.Err)
}
func (e *CloudError) Unwrap() error { return e.Err }
