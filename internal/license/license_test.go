package license_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/license"
)

const (
	mit  = "MIT License\n\nCopyright (c) 2020 Someone\n\nPermission is hereby granted, free of charge, to any person obtaining\na copy of this software ... subject to:\n\nThe above copyright notice and this permission\nnotice shall be included in all copies"
	bsd2 = "Redistribution and use in source and binary\nforms, with or without modification, are permitted"
	bsd3 = bsd2 + "\n * Neither the name of Acme nor the\nnames of its contributors may be used to endorse or promote products"
)

func TestIdentify(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"MIT", mit, "MIT"},
		{"BSD with two clauses", bsd2, "BSD-2-Clause"},
		{"BSD with three", bsd3, "BSD-3-Clause"},
		{"Apache", "                                 Apache License\n                           Version 2.0, January 2004\n", "Apache-2.0"},
		{"GPL 3, which mentions the AGPL", "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007 ... licensed under version 3 of the GNU Affero General Public License", "GPL-3.0-only"},
		{"declared", "// SPDX-License-Identifier: Apache-2.0 OR MIT\n" + bsd3, "Apache-2.0 OR MIT"},
		{"two texts in one file", mit + "\n\n" + bsd3, ""},
		{"something else", "You may look at it on Sundays.", ""},
		{"nothing", "", ""},
	} {
		if got := license.Identify(c.text); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDetect(t *testing.T) {
	dir := t.TempDir()
	if got := license.Detect(dir); got != "" {
		t.Errorf("without a file: %q", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "LICENSE"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "COPYING"), []byte(mit), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := license.Detect(dir); got != "MIT" {
		t.Errorf("got %q, want MIT", got)
	}
	// This module's own.
	if got := license.Detect("../.."); got != "Apache-2.0" {
		t.Errorf("this module: %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "COPYING"), []byte(strings.Repeat("x", 1<<20)), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := license.Detect(dir); got != "" {
		t.Errorf("a huge file: %q", got)
	}
}
