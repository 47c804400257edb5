package gobuild

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/internal/stamp"
)

// unfit says why something can't be remembered. It is no failure: the go command is
// asked instead.
type unfit string

func (u unfit) Error() string { return string(u) }

func unfitf(format string, args ...any) error { return unfit(fmt.Sprintf(format, args...)) }

// site is where a go command finds modules, as far as that can be told without
// running it. It is found anew each time: a go.work that appears makes another site.
type site struct {
	root string // directory of the go.work or else of the go.mod, absolute
	work string // name of the go.work in root; empty for none
	name string // what is the same for the same root elsewhere: the paths of its modules
	// absolute says that a go.mod or go.work names a directory wherever that is.
	absolute bool
	// identity tells the root and the modules from others that take their places.
	identity string
	modules  []localModule
	inputs   []fastpath.Input // the files that say which modules there are
}

// localModule is a module whose files may change: a main one or a replacement.
type localModule struct{ path, dir string }

// site finds the modules that the go command would work with (Go modules reference,
// "Workspaces" and "go.mod files").
func (t *toolchain) site() (*site, error) {
	if t.env.goenv("GO111MODULE", t.dir) == "off" {
		return nil, unfit("packages are looked for in GOPATH (GO111MODULE=off)")
	}
	work, err := t.workFile()
	if err != nil {
		return nil, err
	}
	s := &site{}
	if work != "" {
		s.root, s.work = filepath.Split(work)
		s.root = filepath.Clean(s.root)
		err = s.addWork(work)
	} else {
		mod, ok := findUp(t.dir, "go.mod")
		if !ok {
			return nil, unfit("there is no go.mod")
		}
		s.root = filepath.Dir(mod)
		err = s.addModule(s.root)
	}
	if err != nil {
		return nil, err
	}
	s.identity = identity(s.root)
	for _, l := range s.modules {
		s.identity += identity(l.dir)
	}
	// Its presence alone makes the go command look into it.
	s.add(fastpath.Headers, filepath.Join(s.root, "vendor"))
	s.add(fastpath.File, filepath.Join(s.root, "vendor", "modules.txt"))
	return s, nil
}

// workFile is the go.work that is in effect, or nothing.
func (t *toolchain) workFile() (string, error) {
	switch work := t.env.goenv("GOWORK", t.dir); work {
	case "off":
		return "", nil
	case "", "auto":
		path, _ := findUp(t.dir, "go.work")
		return path, nil
	default:
		if !filepath.IsAbs(work) {
			return "", unfit("GOWORK is no absolute path")
		}
		return work, nil
	}
}

// findUp looks for a file in a directory and all above it.
func findUp(dir, name string) (string, bool) {
	for {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
		dir = filepath.Dir(dir)
	}
}

// rel is a path as inputs have it.
func (s *site) rel(path string) string {
	rel, err := filepath.Rel(s.root, path)
	if err != nil {
		return path // on another drive
	}
	return filepath.ToSlash(rel)
}

// abs is the inverse of rel.
func (s *site) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.root, filepath.FromSlash(path))
}

func (s *site) add(kind fastpath.Kind, path string) {
	s.inputs = append(s.inputs, fastpath.Input{Kind: kind, Path: s.rel(path)})
}

func (s *site) addWork(path string) error {
	s.add(fastpath.File, path)
	s.add(fastpath.File, path+".sum")
	raw, err := os.ReadFile(path)
	if err != nil {
		return unfitf("reading %s: %v", path, err)
	}
	f, err := modfile.ParseWork(path, raw, nil)
	if err != nil {
		return unfitf("reading %s: %v", path, err)
	}
	for _, use := range f.Use {
		s.absolute = s.absolute || filepath.IsAbs(use.Path)
		if err := s.addModule(joined(s.root, use.Path)); err != nil {
			return err
		}
	}
	s.addReplacements(s.root, f.Replace)
	return nil
}

// addModule adds a main module and its replacements.
func (s *site) addModule(dir string) error {
	path := filepath.Join(dir, "go.mod")
	s.add(fastpath.File, path)
	s.add(fastpath.File, filepath.Join(dir, "go.sum"))
	raw, err := os.ReadFile(path)
	if err != nil {
		return unfitf("reading %s: %v", path, err)
	}
	f, err := modfile.Parse(path, raw, nil)
	if err != nil || f.Module == nil {
		return unfitf("reading %s: %v", path, err)
	}
	modulePath := f.Module.Mod.Path
	if modulePath == "std" || modulePath == "cmd" {
		return unfit("it is part of Go itself")
	}
	s.name += modulePath + " in " + s.rel(dir) + "\n"
	s.modules = append(s.modules, localModule{modulePath, dir})
	s.addReplacements(dir, f.Replace)
	return nil
}

func (s *site) addReplacements(dir string, list []*modfile.Replace) {
	for _, r := range list {
		if r.New.Version != "" || !modfile.IsDirectoryPath(r.New.Path) {
			continue
		}
		s.absolute = s.absolute || filepath.IsAbs(r.New.Path)
		local := joined(dir, r.New.Path)
		s.modules = append(s.modules, localModule{r.Old.Path, local})
		s.add(fastpath.File, filepath.Join(local, "go.mod"))
	}
}

// identity names the directory that is at a path now.
func identity(dir string) string {
	real, _ := filepath.EvalSymlinks(dir)
	info, err := os.Stat(dir)
	if err != nil {
		return "nothing\n"
	}
	return fmt.Sprintf("%s %d\n", real, stamp.Of(info).Inode)
}

// joined is a path as it is meant in dir.
func joined(dir, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// distribution finds the Go distribution that the go command belongs to. A program in its place
// that chooses one by itself, as version managers have, belongs to none.
func (t *toolchain) distribution() (root, version string, err error) {
	real, err := filepath.EvalSymlinks(t.path)
	if err != nil {
		return "", "", unfitf("looking for the go command: %v", err)
	}
	root = filepath.Dir(filepath.Dir(real))
	raw, err := os.ReadFile(filepath.Join(root, "VERSION"))
	version, _, _ = strings.Cut(string(raw), "\n")
	if err != nil || !strings.HasPrefix(version, "go1.") {
		return "", "", unfitf("%s is not the go command of a release, but perhaps a program that chooses one", t.path)
	}
	if err := checkGoEnv(filepath.Join(root, "go.env")); err != nil {
		return "", "", err
	}
	if own := t.env.get("GOROOT"); own != "" && own != root {
		if resolved, err := filepath.EvalSymlinks(own); err != nil || resolved != root {
			return "", "", unfit("GOROOT is another than the go command's own")
		}
	}
	return root, version, nil
}

// checkGoEnv looks for defaults of a distribution that are more than where modules and
// toolchains come from, and would change what is looked at here.
func checkGoEnv(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil // older distributions have none
	}
	for line := range strings.Lines(string(raw)) {
		key, _, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") && !slices.Contains([]string{"GOPROXY", "GOSUMDB", "GOTOOLCHAIN"}, key) {
			return unfitf("%s sets %s", path, key)
		}
	}
	return nil
}

// tools describes the programs of a distribution, in case that one was replaced without another
// version being named.
func tools(root string) string {
	var all strings.Builder
	for _, name := range []string{"bin/go", "compile", "asm", "link"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if !strings.Contains(name, "/") {
			path = filepath.Join(root, "pkg", "tool", runtime.GOOS+"_"+runtime.GOARCH, name)
		}
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&all, "%s %d %d\n", name, info.Size(), info.ModTime().Unix())
		}
	}
	return all.String()
}
