package publish

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What is added to a list that imgo can read is in it afterwards, and all else still is.
func FuzzReferrers(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
	f.Add([]byte(`{"manifests":[{"digest":"sha256:` + strings.Repeat("a", 64) + `","size":1,"mediaType":"x","annotations":{"a":"b"}},7,null,{"digest":"sha512:00"}],"x":{"y":[1e3]}}`))
	f.Add([]byte(`{"manifests":null}`))
	f.Add([]byte(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}`))
	f.Add([]byte(`null`))
	entry := v1.Descriptor{MediaType: "application/x", Size: 3, Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("5", 64)}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := parseReferrers(raw)
		if err != nil {
			return
		}
		before := l.descriptors()
		entries := len(l.entries)
		if _, err := l.add([]v1.Descriptor{entry, entry}); err != nil {
			t.Fatal(err)
		}
		m, err := l.manifest()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseReferrers(m.raw)
		if err != nil {
			t.Fatalf("%v in %s", err, m.raw)
		}
		after := again.descriptors()
		had := 0
		for _, d := range before {
			if d.Digest == entry.Digest {
				had = 1
			}
		}
		if len(again.entries) != entries+1-had || len(after) != len(before)+1-had {
			t.Fatalf("%d of %d entries become %d of %d", len(before), entries, len(after), len(again.entries))
		}
		if diff := cmp.Diff(before, after[:len(before)], cmp.Transformer("hash", v1.Hash.String)); len(before) > 0 && diff != "" {
			t.Errorf("entries (-before +after):\n%s", diff)
		}
		if changed, err := again.add([]v1.Descriptor{entry}); changed || err != nil {
			t.Errorf("it is added a second time, %v", err)
		}
	})
}

// A link is a part of its header, whatever that is.
func FuzzNextLink(f *testing.F) {
	for _, s := range []string{`</v2/a/referrers/b?n=2>; rel="next"`, `<a>; rel=first, <b>;title="x";rel="prev next"`, `<`, `<>;rel=next`, `>,<;`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if got := nextLink([]string{header}); !strings.Contains(header, got) || strings.ContainsAny(got, ">") {
			t.Errorf("%q in %q", got, header)
		}
	})
}

func TestNextLink(t *testing.T) {
	for header, want := range map[string]string{
		`</v2/a?n=2>; rel="next"`:                        "/v2/a?n=2",
		`<a>; rel="first", <b?x=1,2>; title=x; rel=next`: "b?x=1,2",
		`<a>; rel="prev next"`:                           "a",
		`<a>; rel="prev"`:                                "",
		`<a`:                                             "",
		``:                                               "",
	} {
		if got := nextLink([]string{"<z>", header}); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}
