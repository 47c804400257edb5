package transport

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// The kinds of arguments that [RegistryArgs.Add] knows, called like the flags.
const (
	ArgCA     = "registry-ca"     // HOST=FILE
	ArgCert   = "registry-cert"   // HOST=CERT,KEY
	ArgMirror = "registry-mirror" // HOST=MIRROR[/PREFIX]
)

// argForm is what an argument looks like, by its kind.
func argForm() map[string]string {
	return map[string]string{
		ArgCA:     "HOST[:PORT]=FILE",
		ArgCert:   "HOST[:PORT]=CERT,KEY",
		ArgMirror: "HOST[:PORT]=MIRROR[/PREFIX]",
	}
}

// ArgError is an argument about a registry that can't be meant.
type ArgError struct {
	Kind   string // one of the constants, which are names of flags
	Arg    string
	Form   string // what it should look like
	Reason string
}

func (e *ArgError) Error() string {
	return fmt.Sprintf("%s %q: %s; it has the form %s", e.Kind, e.Arg, e.Reason, e.Form)
}

// RegistryArgs collects arguments about registries. The zero value is empty. Hosts are
// called as in the URLs of their registries, so Docker Hub is index.docker.io in the
// results, whatever it was called.
type RegistryArgs struct {
	Registries map[string]Registry // for [Options]
	Mirrors    map[string]string   // MIRROR[/PREFIX] by host
}

// Add parses an argument of a kind. CAs of one registry add up; a second client
// certificate or mirror is an error, as is everything else that can't be meant: always
// an [*ArgError]. Files are not looked at.
func (a *RegistryArgs) Add(kind, arg string) error {
	host, value, err := ParseRegistryArg(kind, arg)
	if err != nil {
		return err
	}
	wrong := func(format string, args ...any) error {
		return &ArgError{Kind: kind, Arg: arg, Form: argForm()[kind], Reason: fmt.Sprintf(format, args...)}
	}
	if kind == ArgMirror {
		if _, again := a.Mirrors[host]; again {
			return wrong("%s has a mirror already", host)
		}
		if a.Mirrors == nil {
			a.Mirrors = map[string]string{}
		}
		a.Mirrors[host] = value
		return nil
	}
	r := a.Registries[host]
	if kind == ArgCA {
		r.CA = append(r.CA, value)
	} else {
		if r.Cert != "" {
			return wrong("%s has a client certificate already", host)
		}
		r.Cert, r.Key, _ = strings.Cut(value, ",")
	}
	if a.Registries == nil {
		a.Registries = map[string]Registry{}
	}
	a.Registries[host] = r
	return nil
}

// ParseRegistryArg splits an argument of a kind into the registry's host, as in its
// URLs, and the value, whose form it checks. The error is an [*ArgError].
func ParseRegistryArg(kind, arg string) (host, value string, err error) {
	wrong := func(format string, args ...any) (string, string, error) {
		return "", "", &ArgError{Kind: kind, Arg: arg, Form: argForm()[kind], Reason: fmt.Sprintf(format, args...)}
	}
	if _, known := argForm()[kind]; !known {
		return wrong("there is no such setting")
	}
	host, value, ok := strings.Cut(arg, "=")
	switch {
	case !ok:
		return wrong(`there is no "="`)
	case value == "":
		return wrong(`there is nothing after "="`)
	}
	if host, err = registryHost(host); err != nil {
		return wrong("%v", err)
	}
	switch kind {
	case ArgCert:
		cert, key, _ := strings.Cut(value, ",")
		if cert == "" || key == "" || strings.Contains(key, ",") {
			return wrong("a client certificate is two files with a comma between them")
		}
	case ArgMirror:
		value = strings.TrimSuffix(value, "/")
		mirror, _, _ := strings.Cut(value, "/")
		if strings.Contains(value, "://") {
			return wrong("a mirror has no scheme")
		}
		if _, err := registryHost(mirror); err != nil {
			return wrong("%v", err)
		}
		if _, err := name.NewRepository(value+"/x", name.StrictValidation); err != nil || strings.Contains(value+"/", "//") {
			return wrong("%q is not a prefix of repositories", value)
		}
	}
	return host, value, nil
}

// registryHost checks the name of a registry and returns it as it is in URLs.
func registryHost(host string) (string, error) {
	if strings.Contains(host, "/") {
		return "", fmt.Errorf("%q is not a host: it has neither a scheme nor a path", host)
	}
	reg, err := name.NewRegistry(strings.ToLower(host), name.StrictValidation)
	if err != nil {
		return "", fmt.Errorf("%q is not a host", host)
	}
	return reg.RegistryStr(), nil
}
