package gobuild

import (
	"path"
	"strings"
)

// cgoOnly lists packages that do nothing useful without cgo, by import path without
// major versions, and what does the same in pure Go, where something is known to.
var cgoOnly = map[string]string{
	"github.com/mattn/go-sqlite3":                      "modernc.org/sqlite or github.com/ncruces/go-sqlite3",
	"github.com/mutecomm/go-sqlcipher":                 "",
	"github.com/marcboeker/go-duckdb":                  "",
	"github.com/confluentinc/confluent-kafka-go/kafka": "github.com/twmb/franz-go or github.com/segmentio/kafka-go",
	"github.com/google/gopacket/pcap":                  "github.com/google/gopacket/pcapgo",
	"github.com/gopacket/gopacket/pcap":                "github.com/gopacket/gopacket/pcapgo",
	"github.com/mattn/go-oci8":                         "github.com/sijms/go-ora/v2",
	"github.com/godror/godror":                         "github.com/sijms/go-ora/v2",
	"github.com/DataDog/zstd":                          "github.com/klauspost/compress/zstd",
	"github.com/valyala/gozstd":                        "github.com/klauspost/compress/zstd",
	"github.com/linxGnu/grocksdb":                      "github.com/cockroachdb/pebble",
	"github.com/tecbot/gorocksdb":                      "github.com/cockroachdb/pebble",
	"github.com/jmhodges/levigo":                       "github.com/syndtr/goleveldb",
	"github.com/pebbe/zmq4":                            "github.com/go-zeromq/zmq4",
	"github.com/libgit2/git2go":                        "github.com/go-git/go-git/v5",
	"github.com/bytecodealliance/wasmtime-go":          "github.com/tetratelabs/wazero",
	"github.com/wasmerio/wasmer-go/wasmer":             "github.com/tetratelabs/wazero",
	"rogchap.com/v8go":                                 "github.com/dop251/goja",
	"github.com/miekg/pkcs11":                          "",
	"github.com/coreos/go-systemd/sdjournal":           "",
	"gocv.io/x/gocv":                                   "",
	"github.com/h2non/bimg":                            "",
	"github.com/davidbyttow/govips/vips":               "",
}

// withoutMajor is an import path without its elements that are major versions.
func withoutMajor(importPath string) string {
	elems := strings.Split(importPath, "/")
	kept := elems[:0]
	for _, e := range elems {
		if !majorVersion.MatchString(e) {
			kept = append(kept, e)
		}
	}
	return path.Join(kept...)
}

// hasCgoOnly reports whether a module may hold a package that is known to need cgo.
func hasCgoOnly(modulePath string) bool {
	m := withoutMajor(modulePath)
	for pkg := range cgoOnly {
		if pkg == m || strings.HasPrefix(pkg, m+"/") {
			return true
		}
	}
	return false
}
