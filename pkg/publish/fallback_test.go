package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/publish"
)

// windows are the stretches in which somebody has read a tag and not yet written it.
type windows struct {
	mu     sync.Mutex
	opened int
	open   map[int]chan struct{}
}

// watched is the transport of a process: it opens a window when a tag is read, and
// closes it when that tag is written or the process pauses or is done.
type watched struct {
	all  *windows
	base http.RoundTripper

	mu  sync.Mutex
	own []int
}

func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	tag := strings.Contains(req.URL.Path, "/manifests/sha256-")
	if tag && req.Method == http.MethodGet {
		w.all.mu.Lock()
		w.all.opened++
		n := w.all.opened
		w.all.open[n] = make(chan struct{})
		w.all.mu.Unlock()
		w.mu.Lock()
		w.own = append(w.own, n)
		w.mu.Unlock()
	}
	resp, err := w.base.RoundTrip(req)
	if tag && req.Method == http.MethodPut {
		w.done()
	}
	return resp, err
}

func (w *watched) done() {
	w.mu.Lock()
	own := w.own
	w.own = nil
	w.mu.Unlock()
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	for _, n := range own {
		close(w.all.open[n])
		delete(w.all.open, n)
	}
}

// pause is as long as what others have begun.
func (w *watched) pause(ctx context.Context, _ time.Duration) error {
	w.done()
	w.all.mu.Lock()
	var open []chan struct{}
	for _, c := range w.all.open {
		open = append(open, c)
	}
	w.all.mu.Unlock()
	for _, c := range open {
		select {
		case <-c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// several runs work in as many processes at once.
func several(t *testing.T, reg *registrytest.Registry, n int, work func(i int, r *publish.Registry) error) {
	t.Helper()
	all := &windows{open: map[int]chan struct{}{}}
	var g sync.WaitGroup
	for i := range n {
		opts := new(recorded).options(reg, nil)
		w := &watched{all: all, base: opts.Transport}
		opts.Transport, opts.Retry.Sleep = w, w.pause
		r := publish.NewRegistry(opts)
		g.Go(func() {
			defer w.done()
			if err := work(i, r); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
}

func TestSeveralAtOnceLoseNothing(t *testing.T) {
	for _, noAPI := range []bool{false, true} {
		reg, repo, subject, _ := pushed(t, registrytest.Options{NoReferrers: noAPI})
		list := attachmentsOf(8, "x")
		several(t, reg, len(list), func(i int, r *publish.Registry) error {
			_, err := r.Attach(t.Context(), repo, subject, list[i:i+1])
			return err
		})
		mustHave(t, reg, repo, subject.Digest, list)
	}
}

// Within a process they go one after the other.
func TestSeveralAtOnceInOneProcess(t *testing.T) {
	reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: true})
	r := publish.NewRegistry(new(recorded).options(reg, results))
	list := attachmentsOf(5, "x")
	var g sync.WaitGroup
	for i := range list {
		g.Go(func() {
			if _, err := r.Attach(t.Context(), repo, subject, list[i:i+1]); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	mustHave(t, reg, repo, subject.Digest, list)
	if n := reg.Counts()["GET manifest"] - 6; n > 2*len(list) { // 6 of them are mustHave's
		t.Errorf("the tag was read %d times", n)
	}
}

func fallbackOf(subject v1.Hash) string { return subject.Algorithm + "-" + subject.Hex }

func putTag(t *testing.T, reg *registrytest.Registry, tag, mediaType, body string) {
	t.Helper()
	req, _ := http.NewRequest(http.MethodPut, "http://"+reg.Host+"/v2/app/manifests/"+tag, strings.NewReader(body))
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Error(resp, err)
	}
}

const indexType = "application/vnd.oci.image.index.v1+json"

// Another writer, who read the tag before, overwrites it in the pause.
func TestFallbackOverwritten(t *testing.T) {
	for _, times := range []int{1, 3, 100} {
		reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: true})
		list := attachmentsOf(2, "x")
		opts := new(recorded).options(reg, results)
		n := 0
		opts.Retry.Sleep = func(ctx context.Context, _ time.Duration) error {
			if n++; n <= times {
				putTag(t, reg, fallbackOf(subject.Digest), indexType, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[]}`)
			}
			return ctx.Err()
		}
		_, err := publish.NewRegistry(opts).Attach(t.Context(), repo, subject, list)
		if times < 100 {
			if err != nil {
				t.Fatal(err)
			}
			mustHave(t, reg, repo, subject.Digest, list)
			continue
		}
		ce, ok := errors.AsType[*publish.ContendedError](err)
		if want := repo.Tag(fallbackOf(subject.Digest)).String(); !ok || ce.Reference != want || ce.Attempts != n {
			t.Errorf("error %v after %d pauses", err, n)
		}
	}
}

// What imgo doesn't understand of a list stays in it; what is gone leaves it where the
// registry wouldn't take it.
func TestFallbackKeepsWhatItHolds(t *testing.T) {
	reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: true})
	list := attachmentsOf(3, "x")
	digests := mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, list[:2])
	entry := func(h v1.Hash) string {
		return fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":5,"x":{"y":1}}`, h)
	}
	foreign := fmt.Sprintf(`{"mediaType":"application/x","digest":"sha256:%064d","size":0,"z":2}`, 7)
	putTag(t, reg, fallbackOf(subject.Digest), indexType,
		`{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[`+entry(digests[0])+`,`+entry(digests[1])+`,`+foreign+`],"annotations":{"a":"b"},"w":3}`)
	req, _ := http.NewRequest(http.MethodDelete, "http://"+reg.Host+"/v2/app/manifests/"+digests[1].String(), nil)
	if _, err := http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	}
	mustAttach(t, publish.NewRegistry(new(recorded).options(reg, results)), repo, subject, list[2:])

	resp, err := http.Get("http://" + reg.Host + "/v2/app/manifests/" + fallbackOf(subject.Digest))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	for _, part := range []string{entry(digests[0]), `"annotations":{"a":"b"}`, `"w":3`} {
		if !strings.Contains(string(body), part) {
			t.Errorf("%s is gone from %s", part, body)
		}
	}
	if strings.Contains(string(body), digests[1].Hex) {
		t.Error("what is gone is still listed")
	}
}

func TestFallbackTagIsSomethingElse(t *testing.T) {
	reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: true})
	r := publish.NewRegistry(new(recorded).options(reg, results))
	mustPush(t, r, repo, imageOf(t, "amd64"), fallbackOf(subject.Digest))
	before := resolved(t, reg, repo.Tag(fallbackOf(subject.Digest)))
	_, err := r.Attach(t.Context(), repo, subject, attachmentsOf(1, "x"))
	te, ok := errors.AsType[*publish.TagError](err)
	if !ok || !te.Needed || te.Reference != repo.Tag(fallbackOf(subject.Digest)).String() || !strings.Contains(err.Error(), "no index") {
		t.Errorf("error %v", err)
	}
	if resolved(t, reg, repo.Tag(fallbackOf(subject.Digest))) != before {
		t.Error("what was there is gone")
	}
}

// Whatever lies at the fallback tag, what the API lists is found, and the tag is told of.
func TestListsBesideAnOverwrittenTag(t *testing.T) {
	for what, body := range map[string]string{
		"an image": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}`,
		"nothing":  `{}`, "text": `hello`, "no list": `{"manifests":7}`, "too large": `{"manifests":[],"x":"` + strings.Repeat("x", 9<<20) + `"}`,
		"too long": `{"manifests":[` + strings.Repeat("0,", 10_000) + `0]}`,
	} {
		for _, api := range []bool{true, false} {
			at := map[string]string{"/manifests/" + fallbackOf(theSubject): body}
			if api {
				at["/referrers/"+theSubject.String()] = listOf(entryOf("x", `"artifactType":"a/b","annotations":{"a":"b"},`))
			}
			r, repo := answers(t, at, nil)
			refs, err := r.Attached(t.Context(), repo, theSubject)
			want := 1
			if api {
				want = 2
			}
			if err != nil || len(refs) != want {
				t.Errorf("%s: %v, %v", what, refs, err)
				continue
			}
			te, ok := errors.AsType[*publish.TagError](refs[want-1].Problem)
			if !ok || te.Needed == api || refs[0].Problem != nil && api {
				t.Errorf("%s: %+v", what, refs)
			}
			if _, err := r.FetchAttachment(t.Context(), repo, refs[want-1]); !isError[*publish.TagError](err) {
				t.Errorf("%s: fetched: %v", what, err)
			}
		}
	}
}

// An entry that isn't as it should be hides no other.
func TestOddEntries(t *testing.T) {
	good := entryOf("x", `"artifactType":"a/b","annotations":{"a":"b"},`)
	lying := strings.Replace(entryOf("{}", ""), `"size":2`, `"size":3`, 1)
	text := entryOf("no manifest", "")
	at := map[string]string{
		"/manifests/" + fallbackOf(theSubject): listOf(lying, good, text, `7`, `{"digest":"md5:1"}`, entryOf("gone", "")),
		pathOf("{}"):                           "{}", pathOf("no manifest"): "no manifest",
	}
	r, repo := answers(t, at, nil)
	refs, err := r.Attached(t.Context(), repo, theSubject)
	if err != nil || len(refs) != 3 {
		t.Fatal(refs, err)
	}
	for i, odd := range []bool{true, false, true} {
		if isError[*publish.ArtifactError](refs[i].Problem) != odd {
			t.Errorf("entry %d: %v", i, refs[i].Problem)
		}
	}
}

// As long as others write, what is there may still get lost.
func TestFallbackIsWatchedWhileOthersWrite(t *testing.T) {
	reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: true})
	list := attachmentsOf(1, "x")
	opts := new(recorded).options(reg, results)
	pauses := 0
	opts.Retry.Sleep = func(ctx context.Context, _ time.Duration) error {
		tag, empty := fallbackOf(subject.Digest), `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[]`
		switch pauses++; pauses {
		case 1: // another adds to it, and keeps what is there
			raw, _, err := publish.NewRegistry(new(recorded).options(reg, nil)).Manifest(ctx, repo, resolved(t, reg, repo.Tag(tag)))
			if err != nil {
				t.Error(err)
			}
			putTag(t, reg, tag, indexType, strings.TrimSuffix(string(raw), "}")+`,"x":1}`)
		case 2: // a third one had read it before all that
			putTag(t, reg, tag, indexType, empty+`}`)
		}
		return ctx.Err()
	}
	mustAttach(t, publish.NewRegistry(opts), repo, subject, list)
	mustHave(t, reg, repo, subject.Digest, list)
	if pauses != 3 {
		t.Errorf("%d pauses", pauses)
	}
}

// What nobody would miss is listed without a pause and a second look. One that somebody
// would miss beside it has both.
func TestFallbackInHaste(t *testing.T) {
	for _, all := range []bool{true, false} {
		reg, repo, subject, results := pushed(t, registrytest.Options{NoReferrers: true})
		list := attachmentsOf(2, "x")
		list[0].Hasty, list[1].Hasty = true, all
		opts := new(recorded).options(reg, results)
		pauses := 0
		opts.Retry.Sleep = func(ctx context.Context, _ time.Duration) error { pauses++; return ctx.Err() }
		mustAttach(t, publish.NewRegistry(opts), repo, subject, list)
		want := 1
		if all {
			want = 0
		}
		if got := reg.Counts()["GET manifest"]; pauses != want || got != want+1 {
			t.Errorf("all hasty %t: %d pauses, %d times read", all, pauses, got)
		}
		list[0].Hasty, list[1].Hasty = false, false // which nobody stores
		mustHave(t, reg, repo, subject.Digest, list)
	}
}

func resolved(t *testing.T, reg *registrytest.Registry, ref name.Reference) v1.Hash {
	t.Helper()
	d, err := publish.NewRegistry(new(recorded).options(reg, nil)).Resolve(t.Context(), ref)
	if err != nil {
		t.Error(err)
	}
	return d.Digest
}
