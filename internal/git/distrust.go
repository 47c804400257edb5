package git

import (
	"context"
	"errors"
	"os/exec"
	"strings"
)

// distrust are the options before every command. They outweigh the configuration of
// the repository, which may name programs that git would run:
//
//   - a file system monitor, and Microsoft's virtual file system;
//   - hooks, though nothing here writes, so that none is due;
//   - a program that checks signatures, for git log;
//   - the pager, though output is no terminal;
//   - transports, for which see quiet;
//   - filters, for which there is no one option: see settings.
//
// Programs that show differences, resolve conflicts or edit are not reached by the
// commands that run here. A bare repository somewhere among the files, with a
// configuration of its own, is not taken for one.
var distrust = []string{
	"--no-pager",
	"--no-optional-locks",
	"-c", "core.fsmonitor=false",
	"-c", "core.virtualFilesystem=",
	"-c", "core.untrackedCache=false",
	"-c", "core.hooksPath=/dev/null",
	"-c", "log.showSignature=false",
	"-c", "safe.bareRepository=explicit",
}

// settings is what the configuration says.
type settings struct {
	origin string // the URL of the remote "origin", or empty
	// overrides are settings, key and value, that take their programs from the filters
	// that the repository itself defines.
	overrides [][2]string
}

const wanted = `^(filter\..*\.(clean|smudge|process|required)|lfs\.extension\..*|remote\.origin\.url)$`

// settings reads the configuration. git status runs a filter, which .gitattributes
// chooses and the configuration defines, on files whose size or time changed. Those
// that the user defines are left: git-lfs is one. If the repository adds extensions
// to git-lfs, which are programs too, then git-lfs is not run either.
func (r *runner) settings(ctx context.Context) (settings, error) {
	out, err := r.run(ctx, "config", "--show-scope", "-z", "--get-regexp", wanted)
	var exit *exec.ExitError
	scoped := true
	if errors.As(err, &exit) && exit.ExitCode() == 129 {
		// Before git 2.26 it can't be told who defines a filter: none runs.
		out, err = r.run(ctx, "config", "-z", "--get-regexp", wanted)
		scoped = false
	}
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return settings{}, nil // nothing matches
	}
	if err != nil {
		return settings{}, err
	}
	return readSettings(out, scoped)
}

// readSettings reads entries of scope, key and value. Whatever is not certainly the
// user's is the repository's.
func readSettings(out string, scoped bool) (settings, error) {
	var found settings
	seen := map[string]bool{}
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for len(fields) > 0 {
		scope := ""
		if scoped && len(fields) > 1 {
			scope, fields = fields[0], fields[1:]
		}
		key, value, _ := strings.Cut(fields[0], "\n")
		fields = fields[1:]
		if key == "remote.origin.url" {
			if found.origin == "" {
				found.origin = value
			}
			continue
		}
		name := driver(key)
		if scope == "system" || scope == "global" || scope == "command" || seen[name] {
			continue
		}
		if strings.ContainsAny(name, "=\n") {
			return settings{}, &FilterError{Name: name}
		}
		seen[name] = true
		for _, program := range []string{"clean", "smudge", "process"} {
			found.overrides = append(found.overrides, [2]string{"filter." + name + "." + program, ""})
		}
		found.overrides = append(found.overrides, [2]string{"filter." + name + ".required", "false"})
	}
	return found, nil
}

// driver is the filter that a key of the configuration is about.
func driver(key string) string {
	name, ok := strings.CutPrefix(key, "filter.")
	if !ok {
		return "lfs"
	}
	return name[:max(strings.LastIndexByte(name, '.'), 0)]
}
