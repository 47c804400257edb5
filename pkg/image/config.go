package image

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// configFile is an image's config (OCI image specification, config.md). The order
// of the fields is part of the bytes.
type configFile struct {
	Created      time.Time         `json:"created"`
	Architecture string            `json:"architecture"`
	Variant      string            `json:"variant,omitempty"`
	OS           string            `json:"os"`
	Config       runConfig         `json:"config"`
	RootFS       v1.RootFS         `json:"rootfs"`
	History      []json.RawMessage `json:"history,omitempty"`
}

// runConfig is how a container of the image is run.
type runConfig struct {
	User         string                     `json:"User,omitempty"`
	ExposedPorts map[string]json.RawMessage `json:"ExposedPorts,omitempty"`
	Env          []string                   `json:"Env,omitempty"`
	Entrypoint   []string                   `json:"Entrypoint,omitempty"`
	Cmd          []string                   `json:"Cmd,omitempty"`
	Healthcheck  any                        `json:"Healthcheck,omitempty"`
	Volumes      map[string]json.RawMessage `json:"Volumes,omitempty"`
	WorkingDir   string                     `json:"WorkingDir,omitempty"`
	Labels       map[string]string          `json:"Labels,omitempty"`
	StopSignal   string                     `json:"StopSignal,omitempty"`
	Shell        []string                   `json:"Shell,omitempty"`
}

func (p *Parts) config(b *base, stack []stackedLayer) (*configFile, error) {
	platform := Canonical(p.Platform)
	history, err := p.history(b)
	if err != nil {
		return nil, err
	}
	c := &configFile{
		Created:      p.created(),
		Architecture: platform.Architecture,
		Variant:      platform.Variant,
		OS:           platform.OS,
		Config: runConfig{
			User:         or(p.User, DefaultUser),
			ExposedPorts: with(b.config.Config.ExposedPorts, p.Ports),
			Env:          p.environment(b.config.Config.Env),
			Entrypoint:   p.Entrypoint,
			Cmd:          p.Cmd,
			Healthcheck:  p.healthcheck(b),
			Volumes:      with(b.config.Config.Volumes, p.Volumes),
			WorkingDir:   or(p.WorkingDir, DefaultWorkingDir),
			Labels:       p.labels(),
			StopSignal:   or(p.StopSignal, b.config.Config.StopSignal),
			Shell:        b.config.Config.Shell,
		},
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: make([]v1.Hash, len(stack))},
		History: history,
	}
	for i, l := range stack {
		c.RootFS.DiffIDs[i] = l.diffID
	}
	return c, nil
}

// with adds keys to a set as a config has it: a mapping to empty objects.
func with(inherited map[string]json.RawMessage, keys []string) map[string]json.RawMessage {
	if len(keys) == 0 {
		return inherited
	}
	out := make(map[string]json.RawMessage, len(inherited)+len(keys))
	maps.Copy(out, inherited)
	for _, k := range keys {
		if _, has := out[k]; !has {
			out[k] = json.RawMessage("{}")
		}
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// environment sets the image's variables over the base's. Variables keep the
// place where they first appear. PATH gets the directory of the entrypoint unless it
// has it; a PATH among the image's own variables is left as it was given.
func (p *Parts) environment(inherited []string) []string {
	env := slices.Clone(inherited)
	for _, kv := range p.Env {
		env = setVariable(env, kv)
	}
	if i := indexVariable(p.Env, "PATH"); i >= 0 {
		return env
	}
	search := DefaultPath
	if i := indexVariable(env, "PATH"); i >= 0 {
		search = or(strings.TrimPrefix(env[i], "PATH="), DefaultPath)
	}
	if len(p.Entrypoint) > 0 && path.IsAbs(p.Entrypoint[0]) {
		if dir := path.Dir(p.Entrypoint[0]); !slices.Contains(strings.Split(search, ":"), dir) {
			search += ":" + dir
		}
	}
	if i := indexVariable(env, "PATH"); i < 0 {
		return append([]string{"PATH=" + search}, env...)
	}
	return setVariable(env, "PATH="+search)
}

// setVariable replaces the variable in its place, or appends it.
func setVariable(env []string, kv string) []string {
	key, _, _ := strings.Cut(kv, "=")
	i := indexVariable(env, key)
	if i < 0 {
		return append(env, kv)
	}
	env[i] = kv
	isAgain := func(other string) bool { k, _, _ := strings.Cut(other, "="); return k == key }
	return append(env[:i+1], slices.DeleteFunc(env[i+1:], isAgain)...)
}

func indexVariable(env []string, key string) int {
	return slices.IndexFunc(env, func(kv string) bool { k, _, _ := strings.Cut(kv, "="); return k == key })
}

// labels are none of the base's: they describe the base.
func (p *Parts) labels() map[string]string {
	labels := p.Described()
	if p.MediaTypes == Docker {
		maps.Copy(labels, p.Annotations)
	}
	maps.Copy(labels, p.Labels)
	return labels
}

// healthcheck is the image's own, or the base's byte for byte: it may have fields
// that [v1.HealthConfig] lacks.
func (p *Parts) healthcheck(b *base) any {
	switch own := p.Healthcheck; {
	case own != nil && len(own.Test) > 0 && own.Test[0] == "NONE":
		return nil
	case own != nil:
		return own
	case len(b.config.Config.Healthcheck) > 0:
		return b.config.Config.Healthcheck
	}
	return nil
}

// history adds what the image's own layers are to the base's history.
func (p *Parts) history(b *base) ([]json.RawMessage, error) {
	out := slices.Clone(b.history())
	for _, a := range p.Layers {
		raw, err := encode(struct {
			Created   time.Time `json:"created"`
			CreatedBy string    `json:"created_by,omitempty"`
			Comment   string    `json:"comment,omitempty"`
		}{p.created(), a.History, a.Comment})
		if err != nil {
			return nil, fmt.Errorf("encoding the history of layer %q: %w", a.History, err)
		}
		out = append(out, raw)
	}
	return out, nil
}
