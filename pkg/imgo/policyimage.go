package imgo

import (
	"archive/tar"
	"cmp"
	"context"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/internal/rootfs"
)

// held is an image that is held to a policy.
type held struct {
	client *Client
	*subject
	image v1.Image
	seen  InspectedImage
}

// facts are what config and manifest say, without a look into any layer.
func (h *held) facts() policy.Facts {
	return policy.Facts{
		Platform: h.seen.Platform, UserKnown: true, User: h.seen.Config.User,
		Size: h.seen.Size, Layers: len(h.seen.Layers), Why: map[policy.Rule]string{},
	}
}

// look finds out what only the layers tell, as far as rules need it.
func (h *held) look(ctx context.Context, rules *policy.Policy, f *policy.Facts, allowed allowance) error {
	if rules.Has(policy.NoSecrets) {
		if err := h.searchFor(ctx, f, allowed, RuntimeLayer, UserLayer, VolumesLayer, FilesLayer, ProbeLayer, ProgramLayer, OtherLayer); err != nil {
			return err
		}
	}
	programs, onTop := map[string]linkage{}, false
	if rules.Has(policy.Static) {
		var err error
		if programs, onTop, err = h.ownPrograms(ctx); err != nil {
			return err
		}
	}
	started := h.started()
	keep := map[string]rootfs.Keep{}
	if name, numeric := userName(f.User); rules.Has(policy.NonRoot) && !numeric && name != "" {
		keep[passwd] = rootfs.Keep{Path: passwd}
	}
	ours := onTop && slices.ContainsFunc(started, func(p string) bool { _, ok := programs[p]; return ok })
	if rules.Has(policy.Static) && !ours {
		for _, p := range started {
			keep[p] = rootfs.Keep{Path: p, Reduce: func(r io.Reader) []byte { return []byte{byte(linkageOf(r))} }}
		}
	}
	// Layers whose bytes are elsewhere can't be read: then nothing of it is known.
	elsewhere := slices.ContainsFunc(h.seen.Layers, func(l InspectedLayer) bool { return l.elsewhere })
	if len(keep) > 0 && !elsewhere {
		tree, err := rootfs.ReadKeeping(ctx, h.image, slices.Collect(maps.Values(keep)))
		if err != nil {
			return h.classify(err)
		}
		f.UID = uidIn(tree, f.User)
		i := slices.IndexFunc(started, func(p string) bool { _, _, ok := tree.Lookup(p); return ok })
		if i >= 0 && !ours {
			programs[started[i]] = unknownLinkage
			if kept, ok := tree.Content(started[i]); ok && len(kept) == 1 {
				programs[started[i]] = linkage(kept[0])
			}
			ours = true
		}
	}
	if rules.Has(policy.Static) && ours {
		f.Static = allStatic(programs)
	}
	return nil
}

// allStatic is nil where it can't be told of one, unless another is dynamic.
func allStatic(programs map[string]linkage) *bool {
	static := true
	for _, l := range programs {
		static = static && l != linkedDynamically
	}
	if static && slices.Contains(slices.Collect(maps.Values(programs)), unknownLinkage) {
		return nil
	}
	return &static
}

// ownPrograms are the programs in layers that imgo made for them. onTop says that nothing
// hides them: no other layer lies above, and nothing but files and directories in them.
func (h *held) ownPrograms(ctx context.Context) (out map[string]linkage, onTop bool, err error) {
	out = map[string]linkage{}
	for _, l := range h.seen.Layers {
		if l.elsewhere || l.Kind != ProgramLayer && l.Kind != ProbeLayer {
			onTop = onTop && len(out) == 0
			continue
		}
		onTop = onTop || len(out) == 0
		err := h.readLayer(ctx, h.image, l, func(name string, header *tar.Header, content io.Reader) error {
			onTop = onTop && (header.Typeflag == tar.TypeReg || header.Typeflag == tar.TypeDir)
			if header.Typeflag == tar.TypeReg && header.Mode&0o111 != 0 && len(out) < maxPrograms {
				out[name] = linkageOf(content)
			}
			return nil
		})
		if err != nil {
			return nil, false, err
		}
	}
	return out, onTop, nil
}

// started lists where the program may lie that the image starts: in one place, or for a
// name alone in the directories of PATH.
func (h *held) started() []string {
	c := &h.seen.Config
	command := append(slices.Clone(c.Entrypoint), c.Cmd...)
	switch {
	case len(command) == 0 || command[0] == "":
		return nil
	case strings.Contains(command[0], "/"):
		return []string{path.Join("/", map[bool]string{true: "", false: c.WorkingDir}[path.IsAbs(command[0])], command[0])}
	}
	dirs := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range c.Env {
		if value, ok := strings.CutPrefix(kv, "PATH="); ok {
			dirs = value
		}
	}
	var out []string
	for dir := range strings.SplitSeq(dirs, ":") {
		if path.IsAbs(dir) {
			out = append(out, path.Join(dir, command[0]))
		}
	}
	return out
}

const passwd = "/etc/passwd"

// userName is the user in a config, without the group.
func userName(user string) (name string, numeric bool) {
	name, _, _ = strings.Cut(user, ":")
	_, err := strconv.ParseUint(name, 10, 31)
	return name, err == nil
}

// uidIn looks up what number a user's name has; nil where that isn't certain. The first
// line with the name counts for engines, and an unreadable number is 0 for some.
func uidIn(tree *rootfs.Tree, user string) *int64 {
	name, numeric := userName(user)
	content, ok := tree.Content(passwd)
	if numeric || name == "" || !ok {
		return nil
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if fields[0] != name {
			continue
		}
		if len(fields) < 3 {
			return nil
		}
		uid, err := strconv.ParseUint(fields[2], 10, 31)
		if err != nil {
			return nil
		}
		id := int64(uid)
		return &id
	}
	return nil
}

// recordedBase is the base that the image itself names. One without a name is the empty
// base only where nothing lies below what imgo put there.
func (h *held) recordedBase() (base string, known bool) {
	if b := h.seen.Base; b != nil && b.Name != "" {
		return b.Name, true
	}
	return "", h.onScratch()
}

// onScratch reports whether the layers are imgo's alone, from the runtime layer up.
func (h *held) onScratch() bool {
	return len(h.seen.Layers) > 0 && h.seen.Layers[0].Kind == RuntimeLayer &&
		!slices.ContainsFunc(h.seen.Layers, func(l InspectedLayer) bool { return l.Kind == BaseLayer || l.Kind == OtherLayer }) &&
		cmp.Or(h.seen.Config.Labels[baseNameKey], h.seen.Annotations[baseNameKey]) == ""
}

const baseNameKey = "org.opencontainers.image.base.name"
