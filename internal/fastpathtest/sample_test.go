package fastpathtest

// sample is the workspace at the beginning. Six digits are a value that ends up in a
// program, five are part of a comment. No program imports more of the standard library
// than embed needs, so that a link takes a fifth of a second.
const sample = `
-- goenv --
GOPRIVATE=example.org
-- app/go.mod --
module example.com/app

go 1.24

require (
	example.com/dep v1.0.0
	example.com/lib v0.0.0
)

replace example.com/lib => ../lib
-- app/README --
Note 10000
-- app/cmd/one/main.go --
package main

import (
	"example.com/app/a"
	"example.com/app/b"
	"example.com/app/linked"
	"example.com/dep"
	"example.com/lib"
)

// note 10000
const value = "100000"

func main() {
	println(value, a.Text(), lib.Value, dep.Value, linked.Value)
	for _, s := range b.Texts() {
		println(s)
	}
}
-- app/cmd/two/main.go --
// Package main is the second command, note 10000.
package main

import (
	"example.com/app/a"
	"example.com/app/asm"
)

var value = "100000"

func main() { println(value, a.Text(), asm.Answer()) }
-- app/a/a.go --
package a

// note 10000
const value = "100000"

func Text() string { return value + where }
-- app/a/where_amd64.go --
package a

const where = "amd64 100000"
-- app/a/where_arm64.go --
package a

const where = "arm64 100000"
-- app/a/where_windows.go --
package a

const elsewhere = "windows 100000"
-- app/a/a_test.go --
package a_test

import (
	"testing"

	"example.com/app/a"
	"example.com/app/c"
)

func Test(t *testing.T) {
	if a.Text() == c.Value {
		t.Error("100000")
	}
}
-- app/a/testdata/data.go --
package nothing // note 10000
-- app/b/b.go --
package b

import (
	"embed"

	"example.com/app/a"
)

//go:embed files/*.txt plain
//go:embed all:tree
var content embed.FS

//go:embed single.txt
var single string

const value = "100000"

// Texts, note 10000
func Texts() []string {
	out := []string{value, a.Text(), tagged, maybe, shared, single}
	for _, dir := range []string{"files", "plain", "plain/deep", "tree", "tree/deep"} {
		entries, _ := content.ReadDir(dir)
		for _, e := range entries {
			data, _ := content.ReadFile(dir + "/" + e.Name())
			out = append(out, e.Name(), string(data))
		}
	}
	return out
}
-- app/b/special.go --
//go:build special

package b

const tagged = "special 100000"
-- app/b/ordinary.go --
//go:build !special

package b

const tagged = "ordinary 100000"
-- app/b/maybe.go --
package b

var maybe = "100000"
-- app/b/more.go --
//go:build linux

package b

func init() { maybe += "100000" }
-- app/b/single.txt --
100000
-- app/b/files/one.txt --
100000
-- app/b/files/two.txt --
100000
-- app/b/files/other.dat --
100000
-- app/b/plain/file --
100000
-- app/b/plain/deep/file --
100000
-- app/b/plain/.hidden --
100000
-- app/b/tree/file --
100000
-- app/b/tree/deep/.hidden --
100000
-- app/b/tree/_below --
100000
-- app/c/c.go --
package c

const Value = "100000"
-- app/asm/asm.go --
//go:build amd64

package asm

func Answer() int
-- app/asm/generic.go --
//go:build !amd64

package asm

func Answer() int { return 100000 }
-- app/asm/answer.h --
// note 10000
#define ANSWER 100000
-- app/asm/answer_amd64.s --
#include "textflag.h"
#include "answer.h"

TEXT ·Answer(SB), NOSPLIT, $0-8
	MOVQ $ANSWER, ret+0(FP)
	RET
-- lib/go.mod --
module example.com/lib

go 1.24
-- lib/lib.go --
package lib

// note 10000
const Value = "lib 100000"
-- lib2/go.mod --
module example.com/lib

go 1.24
-- lib2/lib.go --
package lib

const Value = "lib2 100000"
-- shared/shared.go --
package b

const shared = "100000"
-- shared/same.go --
package b

const shared = "100000"
-- shared/another.go --
package b

const shared = "another 100000"
-- elsewhere/first/first.go --
package linked

const Value = "first 100000"
-- elsewhere/second/second.go --
package linked

const Value = "second 100000"
`

// links are the symbolic links of the sample.
var links = map[string]string{
	"app/b/shared.go": "../../shared/shared.go",
	"app/linked":      "../elsewhere/first",
}

// released are the modules that the proxy serves.
const released = `
-- v1.0.0/go.mod --
module example.com/dep

go 1.24
-- v1.0.0/dep.go --
package dep

const Value = "dep v1.0.0"
-- v1.1.0/go.mod --
module example.com/dep

go 1.24
-- v1.1.0/dep.go --
package dep

const Value = "dep v1.1.0, the other one"
`
