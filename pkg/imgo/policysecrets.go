package imgo

import (
	"archive/tar"
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/internal/secrets"
)

// allowance names what may look like a secret: variables and labels by their keys, and
// files by absolute paths in the image, which may be patterns.
type allowance []string

func (a allowance) name(key string) bool { return slices.Contains(a, key) }

func (a allowance) file(p string) bool {
	return slices.ContainsFunc(a, func(glob string) bool { return strings.HasPrefix(glob, "/") && doublestar.MatchUnvalidated(glob, p) })
}

// maxSecrets is how many are worth reading.
const maxSecrets = 20

// searchFor looks for secrets in the config, the annotations and the layers of some kinds.
func (h *held) searchFor(ctx context.Context, f *policy.Facts, allowed allowance, kinds ...LayerKind) error {
	found := h.secretsInTexts(allowed)
	f.SecretsKnown = true
	for _, l := range h.seen.Layers {
		switch {
		case !slices.Contains(kinds, l.Kind):
			continue
		case l.elsewhere:
			f.SecretsKnown = false
			f.Why[policy.NoSecrets] = "the bytes of layer " + l.Digest + " are kept elsewhere"
			continue
		}
		err := h.readLayer(ctx, h.image, l, func(name string, header *tar.Header, content io.Reader) error {
			if header.Typeflag != tar.TypeReg || allowed.file(name) || len(found) >= maxSecrets || slices.Contains(found, name) {
				return nil
			}
			secret, err := isSecret(name, content)
			if secret {
				found = append(found, name)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	f.Secrets = found
	return nil
}

func isSecret(name string, content io.Reader) (bool, error) {
	if _, ok := secrets.InFileName(name); ok {
		return true, nil
	}
	scanner := secrets.NewScanner(name)
	if _, err := io.Copy(scanner, content); err != nil {
		return false, err
	}
	_, ok := scanner.Finding()
	return ok, nil
}

// secretsInTexts lists what of the config and the annotations looks like a secret, as
// settings call it.
func (h *held) secretsInTexts(allowed allowance) []string {
	var out []string
	look := func(setting, name, key, value string) {
		if _, ok := secrets.InValue(key, value); ok && !allowed.name(name) && len(out) < maxSecrets {
			out = append(out, setting)
		}
	}
	c := &h.seen.Config
	for _, kv := range c.Env {
		key, value, _ := strings.Cut(kv, "=")
		look("env "+key, key, key, value)
	}
	for _, group := range []struct {
		what string
		all  map[string]string
	}{{"label", c.Labels}, {"annotation", h.seen.Annotations}} {
		for _, key := range slices.Sorted(maps.Keys(group.all)) {
			look(group.what+" "+key, key, key, group.all[key])
		}
	}
	for _, words := range []struct {
		name string
		list []string
	}{{"args", c.Entrypoint}, {"cmd", c.Cmd}} {
		for _, w := range words.list {
			look(words.name, words.name, "", w)
		}
	}
	return slices.Compact(out)
}
