package gobuild

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/pkg/build"
)

func TestEffective(t *testing.T) {
	dir := write(t, `
-- work/go.work --
go 1.25
use ./m
-- work/m/go.mod --
module m
-- work/m/unused.go.work --
-- alone/go.mod --
module alone
-- env --
GOFLAGS=-mod=mod -tags=e
GO111MODULE=on
CC=clang
`)
	module, goenv := filepath.Join(dir, "work", "m"), filepath.Join(dir, "env")
	alone := filepath.Join(dir, "alone")
	for name, c := range map[string]struct {
		env  []string
		s    build.GoSettings
		want build.GoSettings
	}{
		"nothing said": {[]string{"GOENV=off", "GOPROXY=off"}, build.GoSettings{Dir: alone}, build.GoSettings{Dir: alone}},
		"GOFLAGS of the environment": {
			[]string{"GOENV=off", `GOFLAGS=-p=2 -v -buildvcs=true -trimpath=false -trimpath '-ldflags=-X m.a=b c' -mod=vendor -gcflags=all=-N --tags=x,y -buildmode=pie`},
			build.GoSettings{Dir: alone, Ldflags: []string{"-X m.b=1"}, Gcflags: []string{"-l"}, Tags: []string{"y", "z"}, VCS: true},
			build.GoSettings{
				Dir: alone, Ldflags: []string{"-X m.a=b c", "-X m.b=1"}, Gcflags: []string{"all=-N", "-l"}, Tags: []string{"x", "y", "z"}, VCS: true,
				BuildEnv: []string{"GOFLAGS=-mod=vendor -buildmode=pie"},
			},
		},
		"the file of go env -w": {
			[]string{"GOENV=" + goenv}, build.GoSettings{Dir: alone},
			build.GoSettings{Dir: alone, Tags: []string{"e"}, BuildEnv: []string{"GO111MODULE=on", "GOFLAGS=-mod=mod"}},
		},
		"the build environment goes over both": {
			[]string{"GOENV=" + goenv, "GOFLAGS=-tags=x", "CGO_CFLAGS=-O1"},
			build.GoSettings{Dir: alone, BuildEnv: []string{"GOFLAGS=-trimpath=false", "CGO_ENABLED=1", "GOEXPERIMENT=x", "CGO_CFLAGS=-O2"}},
			build.GoSettings{Dir: alone, BuildEnv: []string{
				"CGO_ENABLED=1", "GOEXPERIMENT=x", "GO111MODULE=on", "CC=clang", "CGO_CFLAGS=-O2", "GOFLAGS=-trimpath=false",
			}},
		},
		"a workspace": {
			[]string{"GOENV=off", "CGO_ENABLED=1", "CC=gcc"}, build.GoSettings{Dir: module},
			build.GoSettings{Dir: module, BuildEnv: []string{"GOWORK=" + filepath.Join(dir, "work", "go.work")}},
		},
		"no workspace": {
			[]string{"GOENV=off", "GOWORK=off"}, build.GoSettings{Dir: module},
			build.GoSettings{Dir: module, BuildEnv: []string{"GOWORK=off"}},
		},
		"another workspace": {
			[]string{"GOENV=off", "GOWORK=" + filepath.Join(module, "unused.go.work")}, build.GoSettings{Dir: module},
			build.GoSettings{Dir: module, BuildEnv: []string{"GOWORK=" + filepath.Join(module, "unused.go.work")}},
		},
		"what the go command refuses": {
			[]string{"GOENV=off", "GOFLAGS='-x"}, build.GoSettings{Dir: module, Tags: []string{"a", "a"}}, build.GoSettings{Dir: module, Tags: []string{"a", "a"}},
		},
	} {
		given := slices.Clone(c.s.BuildEnv)
		if diff := cmp.Diff(c.want, New(Options{Env: c.env}).Effective(c.s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !slices.Equal(given, c.s.BuildEnv) {
			t.Errorf("%s: the settings were changed", name)
		}
	}
}

// What comes out of it has the same effect where the environment is silent.
func TestEffectiveSettingsGiveTheSameFlags(t *testing.T) {
	dir := write(t, "-- go.mod --\nmodule m\n")
	s := build.GoSettings{Dir: dir, Ldflags: []string{"all=-X m.b=1", "-X m.c=2"}, Gcflags: []string{"-l"}, Tags: []string{"z"}}
	loud := New(Options{Env: testEnv(`GOFLAGS=-mod=mod -ldflags=-w "-ldflags=-X m.a=b c" -tags=x,z -gcflags=all=-N -trimpath=0 -modcacherw`)})
	silent := New(Options{Env: testEnv("GOFLAGS=")})
	want, err := loud.toolchain(s, native)
	if err != nil {
		t.Fatal(err)
	}
	got, err := silent.toolchain(loud.Effective(s), native)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.flags, got.flags); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"-mod=mod", "-trimpath=0"}, got.goflags); diff != "" {
		t.Errorf("GOFLAGS (-want +got):\n%s", diff)
	}
}
