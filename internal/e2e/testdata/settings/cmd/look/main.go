// Command look tells what a program finds in a container. It needs no shell, so that
// it works on every base.
//
//	look TREE... -- PATH... -- DIR...
//
// Its answer has parts with an empty line between: user, group, home and working
// directory; the environment; mode, owner and content of all that is in each TREE, as
// far as it may see them; the same of each PATH alone; whether it can make files in
// each DIR.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	trees, rest := cut(os.Args[1:])
	paths, dirs := cut(rest)
	me()
	env := os.Environ()
	slices.Sort(env)
	fmt.Printf("\n%s\n\n", strings.Join(env, "\n"))
	for _, root := range trees {
		_ = filepath.WalkDir(root, show)
	}
	fmt.Println()
	for _, path := range paths {
		_ = show(path, nil, nil)
	}
	fmt.Println()
	for _, dir := range dirs {
		write(dir)
	}
}

func cut(args []string) (before, after []string) {
	i := slices.Index(args, "--")
	if i < 0 {
		return args, nil
	}
	return args[:i], args[i+1:]
}

func me() {
	name, home := "?", "?"
	if u, err := user.Current(); err == nil {
		name, home = u.Username, u.HomeDir
	}
	group := "?"
	if g, err := user.LookupGroupId(fmt.Sprint(os.Getgid())); err == nil {
		group = g.Name
	}
	dir, err := os.Getwd()
	fmt.Println(os.Getuid(), name, os.Getgid(), group, home, dir, err)
}

func show(path string, _ fs.DirEntry, err error) error {
	if err != nil {
		fmt.Println(path, err)
		return nil
	}
	info, err := os.Lstat(path)
	if err != nil {
		fmt.Println(path, err)
		return nil
	}
	st := info.Sys().(*syscall.Stat_t)
	line := fmt.Sprintf("%04o %d:%d %s", st.Mode&0o7777, st.Uid, st.Gid, path)
	switch info.Mode().Type() {
	case fs.ModeDir:
		line += "/"
	case fs.ModeSymlink:
		target, _ := os.Readlink(path)
		line += " -> " + target
	case 0:
		content, err := os.ReadFile(path)
		if err != nil {
			line += " unreadable"
		} else if info.Size() < 100 {
			line += fmt.Sprintf(" %q", content)
		}
	}
	fmt.Println(line)
	return nil
}

func write(dir string) {
	f, err := os.CreateTemp(dir, "look")
	if err != nil {
		fmt.Println(dir, "no")
		return
	}
	f.Close()
	os.Remove(f.Name())
	fmt.Println(dir, "yes")
}
