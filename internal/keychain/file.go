package keychain

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// file is a file of credentials as docker and podman write it.
type file struct {
	path    string
	auths   map[string]authn.AuthConfig // by normalized key; entries without a secret are left out
	helpers map[string]string           // likewise
	store   string                      // the helper for all registries that have none of their own
}

// entry is a value of "auths".
type entry struct {
	Auth          string `json:"auth"` // base64 of USER:PASSWORD
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// readFile reads a file. One that does not exist is empty. The error is a
// [*ConfigError].
func readFile(path string) (*file, error) {
	f := &file{path: path, auths: map[string]authn.AuthConfig{}, helpers: map[string]string{}}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, &ConfigError{Path: path, Err: withoutPath(err)}
	}
	if len(raw) == 0 { // docker accepts it
		return f, nil
	}
	var content struct {
		Auths       map[string]entry  `json:"auths"`
		CredsStore  string            `json:"credsStore"`
		CredHelpers map[string]string `json:"credHelpers"`
	}
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, &ConfigError{Path: path, Err: fmt.Errorf("it is malformed: %w", err)}
	}
	f.store = content.CredsStore
	for _, key := range ordered(content.CredHelpers) {
		f.helpers[normalize(key)] = content.CredHelpers[key]
	}
	for _, key := range ordered(content.Auths) {
		auth, err := content.Auths[key].decode()
		if err != nil {
			return nil, &ConfigError{Path: path, Err: fmt.Errorf("its entry for %s: %w", key, err)}
		}
		if auth != (authn.AuthConfig{}) {
			f.auths[normalize(key)] = auth
		}
	}
	return f, nil
}

// ordered sorts the keys so that of several for the same registry the one that
// counts comes last: the one that docker writes today, which for Docker Hub is
// hubKey and for others has no scheme.
func ordered[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	slices.SortStableFunc(keys, func(a, b string) int { return current(a) - current(b) })
	return keys
}

func current(key string) int {
	if key == serverURL(normalize(key)) {
		return 1
	}
	return 0
}

func (e entry) decode() (authn.AuthConfig, error) {
	out := authn.AuthConfig{
		Username: e.Username, Password: e.Password,
		IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken,
	}
	if e.Auth == "" {
		return out, nil
	}
	// Some tools leave the padding out.
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(e.Auth), "="))
	if err != nil {
		return out, errors.New("auth is not base64")
	}
	user, password, ok := strings.Cut(string(raw), ":")
	if !ok || user == "" {
		return out, errors.New("auth is not the base64 of USER:PASSWORD")
	}
	out.Username, out.Password = user, strings.Trim(password, "\x00")
	return out, nil
}

// withoutPath is the reason inside of an error that names a file which the error
// around it names too.
func withoutPath(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
