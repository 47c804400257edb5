package gobuild

import (
	"bytes"
	"debug/elf"
	"errors"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
)

func TestCheckDynamic(t *testing.T) {
	j := &job{Unit: build.Unit{
		Package:  build.Package{ImportPath: "example.com/m"},
		Platform: v1.Platform{OS: "linux", Architecture: "amd64"},
	}}
	std := []string{"main.main", "net._C2func_getaddrinfo", "os/user._Cfunc_sysconf", "runtime/cgo._Cfunc_x"}
	own := append([]string{"example.com/m._Cfunc_puts"}, std...)
	libc := []string{"libc.so.6"}
	for name, tt := range map[string]struct {
		m    image
		race string
		want *build.Dynamic
	}{
		"static":          {image{funcs: own}, "", nil},
		"loader":          {image{interp: "/lib/ld.so"}, "", &build.Dynamic{Interp: "/lib/ld.so"}},
		"library":         {image{needed: libc, funcs: own}, "", &build.Dynamic{Needed: libc}},
		"only net":        {image{needed: libc, funcs: std[:2]}, "", &build.Dynamic{Needed: libc, OnlyStdlib: true}},
		"only stdlib":     {image{needed: []string{"libresolv.so.2", "libc.musl-x86_64.so.1"}, funcs: std}, "", &build.Dynamic{Needed: []string{"libresolv.so.2", "libc.musl-x86_64.so.1"}, OnlyStdlib: true}},
		"another library": {image{needed: []string{"libc.so.6", "libcrypto.so.3"}, funcs: std}, "", &build.Dynamic{Needed: []string{"libc.so.6", "libcrypto.so.3"}}},
		"race detector":   {image{needed: libc, funcs: std}, "true", &build.Dynamic{Needed: libc}},
		"no cgo at all":   {image{needed: libc, funcs: std[:1]}, "", &build.Dynamic{Needed: libc}},
	} {
		tt.m.machine, tt.m.kind = elf.EM_X86_64, elf.ET_DYN
		data := tt.m.bytes(t)
		f, err := j.checkELF(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "-race", Value: tt.race}}}
		j.Go.AllowDynamic = true
		got, err := j.checkDynamic(f, info)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		j.Go.AllowDynamic = false
		_, err = j.checkDynamic(f, info)
		var refused *DynamicError
		if (tt.want != nil) != errors.As(err, &refused) {
			t.Fatalf("%s, not allowed: %v", name, err)
		}
		if refused != nil && (refused.OnlyStdlib != tt.want.OnlyStdlib || refused.Interp != tt.want.Interp) {
			t.Errorf("%s, not allowed: %#v", name, refused)
		}
	}
}

func TestDynamicErrorText(t *testing.T) {
	err := &DynamicError{ImportPath: "example.com/m", Interp: "/lib/ld.so", Needed: []string{"libc.so.6"}}
	const text = "example.com/m is not statically linked: it needs the loader /lib/ld.so and libc.so.6"
	if err.Error() != text {
		t.Errorf("it says %q", err)
	}
}

// A name that reaches over the end of a read is found as well, and what is no name
// but long does no harm.
func TestCgoCallersInLongTables(t *testing.T) {
	junk := string(bytes.Repeat([]byte{1}, 200_000))
	padding := string(bytes.Repeat([]byte{'x'}, 64<<10-20))
	m := image{machine: elf.EM_X86_64, kind: elf.ET_EXEC, funcs: []string{padding, "example.com/one._Cfunc_f", junk, "example.com/two._C2func_g", "a._Cgo"}}
	f, err := elf.NewFile(bytes.NewReader(m.bytes(t)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"example.com/one": true, "example.com/two": true}
	if diff := cmp.Diff(want, cgoCallers(f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
