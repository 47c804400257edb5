package keychain

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/internal/wholefile"
)

// Login stores credentials where docker does, and podman looks too: in the
// credential helper that docker's config.json names, else in that file. It returns
// where that was, for people. Everything else in the file stays as it is.
func (k *Keychain) Login(ctx context.Context, registry, user, password string) (where string, err error) {
	reg, c, err := k.open(registry)
	if err != nil {
		return "", err
	}
	entry := map[string]string{}
	where = c.path
	if h, ok := c.helper(reg, k.opts.Env); ok {
		if err := h.store(ctx, reg, user, password); err != nil {
			return "", err
		}
		where = "docker-credential-" + h.name
	} else {
		entry["auth"] = base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	}
	// With a helper the entry is empty, as docker writes it: a password that was
	// there before must not outlive the new one.
	if err := c.set(reg, entry); err != nil {
		return "", err
	}
	defer k.forget()
	return where, c.write()
}

// Erase removes the credentials that [Keychain.Login] stores. Removing what isn't
// there is no error.
func (k *Keychain) Erase(ctx context.Context, registry string) error {
	reg, c, err := k.open(registry)
	if err != nil {
		return err
	}
	if h, ok := c.helper(reg, k.opts.Env); ok {
		if err := h.erase(ctx, reg); err != nil {
			return err
		}
	}
	defer k.forget()
	if !c.remove(reg) {
		return nil
	}
	return c.write()
}

func (k *Keychain) open(registry string) (reg string, c *config, err error) {
	reg = normalize(registry)
	if _, err := name.NewRegistry(reg, name.StrictValidation); err != nil {
		return "", nil, err
	}
	if k.opts.DockerConfigDir == "" {
		return "", nil, errors.New("storing credentials: there is no home directory: set HOME or DOCKER_CONFIG")
	}
	c, err = openConfig(filepath.Join(k.opts.DockerConfigDir, "config.json"))
	return reg, c, err
}

// forget lets the next question read everything again.
func (k *Keychain) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.files = nil
}

// config is docker's config.json while it is being changed.
type config struct {
	path    string
	file    *file
	members map[string]json.RawMessage
	auths   map[string]json.RawMessage
}

// openConfig reads a config.json. One that does not exist is empty; one that is
// malformed is an error, so that it is not overwritten.
func openConfig(path string) (*config, error) {
	c := &config{path: path, members: map[string]json.RawMessage{}, auths: map[string]json.RawMessage{}}
	var err error
	if c.file, err = readFile(path); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(raw) == 0) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &c.members)
	}
	if auths, ok := c.members["auths"]; ok && err == nil {
		err = json.Unmarshal(auths, &c.auths)
	}
	if err != nil {
		return nil, &ConfigError{Path: path, Err: withoutPath(err)}
	}
	if c.auths == nil { // "auths": null
		c.auths = map[string]json.RawMessage{}
	}
	return c, nil
}

func (c *config) helper(registry string, env []string) (helper, bool) {
	name := c.file.helpers[registry]
	if name == "" {
		name = c.file.store
	}
	return helper{name: name, path: c.path, env: env}, name != ""
}

func (c *config) set(registry string, entry map[string]string) error {
	c.remove(registry)
	raw, err := json.Marshal(entry)
	c.auths[serverURL(registry)] = raw
	return err
}

// remove drops all entries of a registry, whatever they call it, and reports
// whether there were any. Entries of repositories are others.
func (c *config) remove(registry string) bool {
	found := false
	for key := range c.auths {
		if normalize(key) == registry {
			delete(c.auths, key)
			found = true
		}
	}
	return found
}

// write replaces the file, or what it is a link to, by rename.
func (c *config) write() error {
	auths, err := json.Marshal(c.auths)
	if err != nil {
		return err
	}
	if c.members == nil { // the whole file was "null"
		c.members = map[string]json.RawMessage{}
	}
	c.members["auths"] = auths
	raw, err := json.MarshalIndent(c.members, "", "\t")
	if err != nil {
		return err
	}
	if err := replace(c.path, append(raw, '\n')); err != nil {
		return fmt.Errorf("storing credentials: %w", err)
	}
	return nil
}

func replace(path string, content []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return wholefile.Write(path, content, 0o600)
}
