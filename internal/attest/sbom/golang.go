package sbom

import (
	"cmp"
	"fmt"
	"path"
	"runtime/debug"
	"strings"
)

// goLicense is what the Go distribution is under, standard library included.
const goLicense = "BSD-3-Clause"

// addBinary adds a program and the modules in it.
func (inv *inventory) addBinary(b *Binary) error {
	if b.Info == nil {
		return fmt.Errorf("binary %s has no build info", b.Path)
	}
	c := &component{kind: kindBinary, key: b.Path + "\x00" + b.SHA256, name: b.Path, path: b.Path}
	c.tell("package", b.Info.Path)
	if b.SHA256 != "" {
		var err error
		if c.sha256, err = digestHex("the binary "+b.Path, b.SHA256); err != nil {
			return err
		}
	}
	binary := inv.add(inv.image.key, contains, c)
	if b.Info.Main.Path != "" {
		inv.add(binary.key, generatedFrom, mainModule(b))
	}
	for _, m := range b.Info.Deps {
		if m != nil {
			inv.add(binary.key, dependsOn, module(kindModule, m, b))
		}
	}
	inv.addGo(binary, b.Info.GoVersion)
	return nil
}

// mainModule is the module that a program's main package is of. Its version is
// "(devel)" unless it was built as a dependency or with VCS stamping.
func mainModule(b *Binary) *component {
	c := module(kindMain, &b.Info.Main, b)
	revision, modified := b.Revision, ""
	for _, s := range b.Info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = cmp.Or(revision, s.Value)
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "true"
		}
	}
	c.key += "\x00" + revision
	c.tell("vcs-revision", revision)
	c.tell("vcs-modified", modified)
	return c
}

// module is the component that a module's code is from: its replacement, where it has
// one. A directory has neither a name of its own nor a version, so it goes by the
// name of the module that it is imported as.
func module(k kind, m *debug.Module, b *Binary) *component {
	c := &component{kind: k, license: allOf(b.Licenses[Key(m)])}
	is, required := m, m.Version
	if IsDirectory(m) {
		required = ""
	}
	switch r := m.Replace; {
	case r == nil:
	case IsDirectory(r):
		dir := directory(b.Dir, r.Path)
		c.key = dir + "\x00"
		is = &debug.Module{Path: m.Path}
		c.tell("replaced-by", dir)
		c.tell("replaced-version", required)
	default:
		is = r
		c.tell("replaces", strings.TrimSuffix(m.Path+"@"+required, "@"))
	}
	c.name, c.h1 = is.Path, is.Sum
	if !IsDirectory(is) {
		c.version = is.Version
	}
	c.purl = golangURL(c.name, c.version)
	c.key += c.name + "\x00" + c.version + "\x00" + c.h1
	return c
}

// directory names one that a go.mod in dir replaces a module by. What is elsewhere on the
// machine is nobody's business.
func directory(dir, p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	at := path.Join(dir, p)
	if path.IsAbs(p) || len(p) > 1 && p[1] == ':' || at == ".." || strings.HasPrefix(at, "../") {
		return "a directory"
	}
	return "the directory " + p
}

// addGo adds the standard library, which is in a program, and the toolchain, which
// made it. The version is such as "go1.26.1", "go1.26.1 X:nodwarf5" or
// "devel go1.27-0123456789 Mon Jan 2 …".
func (inv *inventory) addGo(binary *component, goVersion string) {
	if goVersion == "" {
		return
	}
	version, experiments, _ := strings.Cut(goVersion, " ")
	version, released := strings.CutPrefix(version, "go")
	if !released {
		version, experiments = goVersion, ""
	}
	add := func(r relation, k kind, name, purl string) {
		c := &component{kind: k, key: goVersion, name: name, version: version, license: goLicense, purl: purl}
		c.tell("go-experiments", experiments)
		inv.add(binary.key, r, c)
	}
	add(dependsOn, kindStdlib, "stdlib", golangURL("stdlib", version))
	add(builtBy, kindToolchain, "go", packageURL("generic", "go", version))
}
