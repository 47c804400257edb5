package attest

import (
	"path"
	"path/filepath"
	"slices"

	"github.com/imgo-build/imgo/internal/probe"
	"github.com/imgo-build/imgo/pkg/build"
)

// imageSettings are an image's settings in the words of .imgo.yaml, as far as they are
// not the go command's, nor about bases and platforms. Values that may hold secrets are not
// among them.
func imageSettings(t *build.Target, o *origin) map[string]any {
	c := &t.Settings.Config
	out := map[string]any{
		"name": t.Name, "user": user(c), "workdir": c.WorkingDir, "binaryPath": path.Clean(t.Entrypoint()), "compression": c.Compression.String(),
	}
	lists := map[string][]string{"ports": c.Ports, "volumes": c.Volumes, "args": c.Args, "cmd": c.Cmd}
	for key, vars := range map[string][]build.Var{"env": c.Env, "labels": c.Labels, "annotations": c.Annotations} {
		for _, v := range vars {
			lists[key] = append(lists[key], v.Key)
		}
	}
	for key, list := range lists {
		if len(list) > 0 {
			out[key] = list
		}
	}
	if c.StopSignal != "" {
		out["stopSignal"] = c.StopSignal
	}
	if c.Docker {
		out["mediaTypes"] = "docker"
	}
	if h := healthcheck(c.Healthcheck); h != nil {
		out["healthcheck"] = h
	}
	if b := binaries(t); len(b) > 0 {
		out["binaries"] = b
	}
	if f := fileGroups(t, o); len(f) > 0 {
		out["files"] = f
	}
	return out
}

// user is who the image runs as: in numbers, by name, or with what is said of an account.
func user(c *build.Config) any {
	a := c.Account
	switch {
	case a == nil:
		return c.User
	case a.Group != "":
		return a.Name + ":" + a.Group
	case a.UID < 0 && a.GID < 0 && a.Home == "":
		return a.Name
	}
	out := map[string]any{"name": a.Name}
	if a.UID >= 0 {
		out["uid"] = a.UID
	}
	if a.GID >= 0 {
		out["gid"] = a.GID
	}
	if a.Home != "" {
		out["home"] = a.Home
	}
	return out
}

func healthcheck(h *build.Healthcheck) any {
	switch {
	case h == nil:
		return nil
	case h.None:
		return "none"
	}
	out := map[string]any{}
	if h.URL != "" {
		out["url"] = h.URL
	} else {
		out["test"] = h.Test
	}
	for key, d := range map[string]string{
		"interval": h.Interval.String(), "timeout": h.Timeout.String(), "startPeriod": h.StartPeriod.String(), "startInterval": h.StartInterval.String(),
	} {
		if d != "0s" { // the engine's own
			out[key] = d
		}
	}
	if h.Retries > 0 {
		out["retries"] = h.Retries
	}
	return out
}

// binaries are the programs beside the image's own. The one that asks the URL of a health
// check comes with that.
func binaries(t *build.Target) map[string]any {
	out := map[string]any{}
	for _, p := range t.More {
		if p.Package.ImportPath == probe.Module {
			continue
		}
		name := path.Base(p.Path)
		for out[name] != nil {
			name += "_"
		}
		out[name] = map[string]any{"package": p.Package.ImportPath, "path": p.Path}
	}
	return out
}

// fileGroups are the user's files as he asked for them: their places on his side are in
// the image's history, word by word.
func fileGroups(t *build.Target, o *origin) []map[string]any {
	var out []map[string]any
	for _, g := range t.Settings.Files {
		group := map[string]any{"from": g.From, "to": g.To}
		if o.foreign && !filepath.IsAbs(g.From) {
			group["from"] = filepath.Join(t.Settings.FilesRoot.Root, filepath.FromSlash(g.From)) // which is not told
		}
		if g.Mode != "" {
			group["mode"] = g.Mode
		}
		if g.Owner != "" {
			group["owner"] = g.Owner
		}
		if len(g.Exclude) > 0 {
			group["exclude"] = slices.Clone(g.Exclude)
		}
		out = append(out, group)
	}
	return out
}
