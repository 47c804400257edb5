package build

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/imgo-build/imgo/internal/account"
	"github.com/imgo-build/imgo/internal/files"
	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
)

// koDataPath is where ko puts the kodata directory of a package, and tells it so in
// KO_DATA_PATH.
const koDataPath = "/var/run/ko"

// fileLayer is a layer of the user's files, empty where there are none.
type fileLayer struct {
	image.Addition
	env  []string     // that the image gets for it
	list []layer.File // as placed in the base
}

// fileSet is a group of files that were read.
type fileSet struct {
	*files.Set // nil where there are none
	history    string
	env        []string
}

// fileSets starts to read the files of a target, which needs no compiler and no base.
func fileSets(ctx context.Context, t *Target) []*future[fileSet] {
	var out []*future[fileSet]
	for _, g := range t.Settings.Files {
		out = append(out, start(func() (fileSet, error) {
			set, err := files.Collect(ctx, t.Settings.FilesRoot, g)
			return fileSet{Set: set, history: fmt.Sprintf("imgo: %s from %s", g.To, inProject(t.Settings.FilesRoot.Root, g.From))}, err
		}))
	}
	return append(out, start(func() (fileSet, error) {
		set, err := files.KoData(ctx, t.Package.Dir, t.Settings.FilesRoot)
		return fileSet{Set: set, history: "imgo: " + koDataPath + " from kodata", env: []string{"KO_DATA_PATH=" + koDataPath}}, err
	}))
}

// inProject is where files come from, as the history of an image tells it: no directory of
// the machine has a part in a digest.
func inProject(root, from string) string {
	if !filepath.IsAbs(from) {
		return from
	}
	if rel, err := filepath.Rel(root, from); err == nil {
		return filepath.ToSlash(rel)
	}
	return filepath.Base(from)
}

// fileLayers starts to make a layer of each group of files for one platform's base.
// Where the bases of platforms don't differ in what matters, the layer is made once.
func (r *run) fileLayers(ctx context.Context, t *Target, sets []*future[fileSet], base *future[Base]) []*future[fileLayer] {
	out := make([]*future[fileLayer], len(sets))
	for i, f := range sets {
		out[i] = start(func() (fileLayer, error) {
			set, err := f.wait()
			if err != nil || set.Set == nil {
				return fileLayer{}, err
			}
			b, err := base.wait()
			if err != nil {
				return fileLayer{}, err
			}
			tree, err := r.stages.Bases.Rootfs(ctx, b)
			if err != nil {
				return fileLayer{}, fmt.Errorf("looking for the place of files: %w", err)
			}
			l, list, err := r.placed(ctx, t, tree, set.Files, layer.Options{Key: set.Key, Subject: fmt.Sprintf("%s (%s)", set.To, t.Name)})
			return fileLayer{Addition: image.Addition{Layer: l, History: set.history}, env: set.env, list: list}, err
		})
	}
	return out
}

// placed makes a layer of files for a base.
func (r *run) placed(ctx context.Context, t *Target, tree *rootfs.Tree, list []layer.File, opts layer.Options) (*layer.Layer, []layer.File, error) {
	list, err := place(tree, list)
	if err != nil {
		return nil, nil, err
	}
	opts.Compression = t.Settings.Config.Compression
	l, _, err := r.made.Do(ctx, opts.Compression.String()+" "+opts.Key+" "+layout(list), func() (*layer.Layer, error) {
		done, err := r.turn(ctx)
		if err != nil {
			return nil, err
		}
		defer done()
		opts.Events = r.stages.Events
		return layer.New(ctx, r.stages.Store, opts, list)
	})
	return l, list, err
}

// userLayer settles the user that an image runs as. A user by name is looked up in
// the base and, where it is missing there, created in a layer. The config names it by
// number, since Kubernetes' runAsNonRoot can't tell what a name stands for.
func (r *run) userLayer(ctx context.Context, t *Target, base Base) (user string, _ *fileLayer, err error) {
	spec := t.Settings.Config.Account
	if spec == nil {
		return t.Settings.Config.User, nil, nil
	}
	tree, err := r.stages.Bases.Rootfs(ctx, base)
	if err != nil {
		return "", nil, fmt.Errorf("looking for user %s: %w", spec.Name, err)
	}
	passwd, err := accounts(tree, "/etc/passwd")
	if err != nil {
		return "", nil, err
	}
	group, err := accounts(tree, "/etc/group")
	if err != nil {
		return "", nil, err
	}
	found, err := account.Resolve(*spec, passwd, group)
	if err != nil {
		return "", nil, &SettingError{Setting: "user " + spec.Name, Where: t.Settings.Origins["user"], Err: err}
	}
	user = fmt.Sprintf("%d:%d", found.UID, found.GID)
	if !found.Created {
		return user, nil, nil
	}
	var list []layer.File
	for file, content := range map[string][]byte{"/etc/passwd": found.Passwd, "/etc/group": found.Group} {
		if content != nil {
			list = append(list, layer.File{Path: file, Mode: 0o644, Size: int64(len(content)), Open: bytesOpener(content)})
		}
	}
	if _, _, exists := tree.Lookup(found.Home); found.MakeHome && !exists {
		list = append(list, layer.File{Path: found.Home, Mode: fs.ModeDir | 0o750, UID: found.UID, GID: found.GID})
	}
	key := fmt.Sprintf("user %s %s %x %x", spec.Name, user, found.Passwd, found.Group)
	l, list, err := r.placed(ctx, t, tree, list, layer.Options{Key: key, Subject: "user " + spec.Name})
	if err != nil {
		return "", nil, err
	}
	return user, &fileLayer{Addition: image.Addition{Layer: l, History: fmt.Sprintf("imgo: user %s (%s)", spec.Name, user)}, list: list}, nil
}

// accounts is the content of a file about users, empty where the base has none.
func accounts(tree *rootfs.Tree, file string) ([]byte, error) {
	content, ok := tree.Content(file)
	if _, _, exists := tree.Lookup(file); exists && !ok {
		return nil, fmt.Errorf("the base's %s is too large to be added to, or no file: give the user by number", path.Clean(file))
	}
	return content, nil
}

// volumeLayer makes the directories of volumes that neither the base nor the image's own
// files have, owned by the user that the image runs as. docker mounts a new volume over a directory with the mode and
// owner that it has in the image, and over one of root's where the image has none, where
// the program can't write then.
func (r *run) volumeLayer(ctx context.Context, t *Target, base Base, user string, own []layer.File) (*fileLayer, error) {
	volumes := t.Settings.Config.Volumes
	if len(volumes) == 0 {
		return nil, nil
	}
	tree, err := r.stages.Bases.Rootfs(ctx, base)
	if err != nil {
		return nil, fmt.Errorf("looking for volumes: %w", err)
	}
	uid, gid := ids(user)
	var list []layer.File
	for _, v := range volumes {
		given := slices.ContainsFunc(own, func(f layer.File) bool { return f.Mode.IsDir() && path.Clean("/"+f.Path) == path.Clean(v) })
		if _, _, exists := tree.Lookup(v); !exists && !given {
			list = append(list, layer.File{Path: v, Mode: fs.ModeDir | 0o755, UID: uid, GID: gid})
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	l, list, err := r.placed(ctx, t, tree, list, layer.Options{Key: "volumes", Subject: fmt.Sprintf("volumes (%s)", t.Name)})
	if err != nil {
		return nil, err
	}
	history := fmt.Sprintf("imgo: volumes %s of %s", strings.Join(volumes, " "), user)
	return &fileLayer{Addition: image.Addition{Layer: l, History: history}, list: list}, nil
}

// ids are the numbers of a user as a config names it; a group that is not given is
// root's, as engines take it.
func ids(user string) (uid, gid int) {
	u, g, _ := strings.Cut(user, ":")
	uid, _ = strconv.Atoi(u) // was checked
	gid, _ = strconv.Atoi(g)
	return uid, gid
}
