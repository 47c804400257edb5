package gobuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/go/packages"
)

// graphPackage is what go list says of a package (see go help list).
type graphPackage struct {
	ImportPath, Name, Dir string
	DepOnly               bool
	Module                *packages.Module
	Imports               []string // what they resolve to
	Error                 *struct{ Pos, Err string }
	EmbedPatterns         []string

	GoFiles, CgoFiles, IgnoredGoFiles, IgnoredOtherFiles        []string
	CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, SwigFiles []string
	SwigCXXFiles, SysoFiles                                     []string
}

const graphFields = "ImportPath,Name,Dir,DepOnly,Module,Imports,Error,EmbedPatterns," +
	"GoFiles,CgoFiles,IgnoredGoFiles,IgnoredOtherFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles"

// graph lists commands that were compiled or will be, with all that they import, as imports
// does, but so that it takes only time which the compiler leaves: go/packages has no way to
// run go list with less priority, and asks it for more.
func (t *toolchain) graph(ctx context.Context, grace time.Duration, importPaths ...string) ([]*packages.Package, error) {
	env, args := t.splitModfile()
	args = append([]string{"list", "-e", "-deps", "-json=" + graphFields}, args...)
	if len(t.tags) > 0 {
		args = append(args, "-tags="+strings.Join(t.tags, ","))
	}
	args = append(append(args, "--"), importPaths...)
	cmd := exec.Command(t.path, args...)
	cmd.Dir, cmd.Env = t.dir, env
	read, write := io.Pipe()
	cmd.Stdout = write
	ended := make(chan error, 1)
	go func() {
		err := runLowly(func() error { return runChild(ctx, cmd, nil, grace) })
		write.CloseWithError(err)
		ended <- err
	}()
	roots, err := readGraph(json.NewDecoder(read))
	read.Close()
	if err := errors.Join(<-ended, err); err != nil {
		return nil, fmt.Errorf("listing imports: %w", err)
	}
	return roots, nil
}

func readGraph(dec *json.Decoder) (roots []*packages.Package, err error) {
	all := map[string]*packages.Package{}
	for {
		var p graphPackage
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		pkg := p.convert()
		// go list puts a package after all that it imports.
		for _, path := range p.Imports {
			if dep := all[path]; dep != nil {
				pkg.Imports[path] = dep
			}
		}
		all[p.ImportPath] = pkg
		if !p.DepOnly {
			roots = append(roots, pkg)
		}
	}
	return roots, nil
}

func (p *graphPackage) convert() *packages.Package {
	in := func(lists ...[]string) []string {
		names := slices.Concat(lists...)
		for i, name := range names {
			names[i] = filepath.Join(p.Dir, name)
		}
		return names
	}
	pkg := &packages.Package{
		ID: p.ImportPath, PkgPath: p.ImportPath, Name: p.Name, Dir: p.Dir, Module: p.Module,
		Imports:       map[string]*packages.Package{},
		GoFiles:       in(p.GoFiles, p.CgoFiles),
		IgnoredFiles:  in(p.IgnoredGoFiles, p.IgnoredOtherFiles),
		OtherFiles:    in(p.CFiles, p.CXXFiles, p.MFiles, p.HFiles, p.FFiles, p.SFiles, p.SwigFiles, p.SwigCXXFiles, p.SysoFiles),
		EmbedPatterns: in(p.EmbedPatterns),
	}
	if p.Error != nil {
		pkg.Errors = []packages.Error{{Pos: p.Error.Pos, Msg: p.Error.Err, Kind: packages.ListError}}
	}
	return pkg
}
