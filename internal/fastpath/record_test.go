package fastpath

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/stamp"
)

type memory map[string][]byte

func (m memory) Lookup(key string) ([]byte, bool) { v, ok := m[key]; return v, ok }

func (m memory) Remember(key string, value []byte) error { m[key] = bytes.Clone(value); return nil }

func sample(t testing.TB) *Record {
	tr := newTree(t, map[string]string{"x/a.go": main1, "x/\xff\n.s": "", "e/f": "", "e/go.mod/x": ""})
	tr.link("nowhere", "e/dangling")
	tr.link("x", "y")
	return &Record{
		Snapshot: tr.take(nil, Input{Kind: Package, Path: "x"}, Input{Kind: File, Path: "y/a.go"}, Input{Kind: File, Path: "go.work"},
			Input{Kind: Embed, Path: ".", Pattern: "all:e"}),
		Outcome: []byte("\x00any bytes\xff"),
	}
}

func TestRecord(t *testing.T) {
	r, store := sample(t), memory{}
	if err := r.Save(store, "k"); err != nil {
		t.Fatal(err)
	}
	got, ok := Load(store, "k")
	if !ok {
		t.Fatal("a miss")
	}
	if !bytes.Equal(got.Outcome, r.Outcome) || !reflect.DeepEqual(got.Snapshot.entries, r.Snapshot.entries) {
		t.Errorf("got %+v, want %+v", got, r)
	}
	if diff := cmp.Diff(r.Snapshot.Inputs(), got.Snapshot.Inputs()); diff != "" {
		t.Error(diff)
	}
	if len(got.Snapshot.Changes(r.Snapshot)) > 0 || got.Snapshot.Untouched(r.Snapshot) != stamp.Reliable {
		t.Error("another state")
	}
	if _, ok := Load(store, "other"); ok {
		t.Error("found what isn't there")
	}
}

func TestDamagedRecord(t *testing.T) {
	store := memory{}
	if err := sample(t).Save(store, "k"); err != nil {
		t.Fatal(err)
	}
	data := store["k"]
	for i := range data {
		store["k"] = bytes.Clone(data)
		store["k"][i] ^= 0x10
		if _, ok := Load(store, "k"); ok {
			t.Fatalf("a flipped bit at %d went unnoticed", i)
		}
		if store["k"] = data[:i]; true {
			if _, ok := Load(store, "k"); ok {
				t.Fatalf("an end at %d went unnoticed", i)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample(f).encode(nil))
	f.Add((&Record{Snapshot: &Snapshot{}}).encode(nil))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, ok := decode(data)
		if !ok {
			return
		}
		again, ok := decode(r.encode(nil))
		if !ok || !reflect.DeepEqual(r, again) {
			t.Errorf("%+v became %+v", r, again)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for name, r := range map[string]*Record{
		"disorder": {Snapshot: &Snapshot{entries: []entry{{path: "b"}, {path: "a"}}}},
		"twice":    {Snapshot: &Snapshot{entries: []entry{{path: "a"}, {path: "a"}}}},
		"aspects":  {Snapshot: &Snapshot{entries: []entry{{path: "a", counts: 0x80}}}},
	} {
		if _, ok := decode(r.encode(nil)); ok {
			t.Errorf("took %s", name)
		}
	}
	if _, ok := decode(append(sample(t).encode(nil), 0)); ok {
		t.Error("took what is behind the end")
	}
}

// However long the lists say they are, no more is allocated than the rest could hold.
func TestDecodeAllocatesLittle(t *testing.T) {
	for _, data := range [][]byte{
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3},
		{0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3},
	} {
		if n := testing.AllocsPerRun(10, func() { decode(data) }); n > 5 {
			t.Errorf("%v: %v allocations", data, n)
		}
		if _, ok := decode(data); ok {
			t.Errorf("%v was taken", data)
		}
	}
}
