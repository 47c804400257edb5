package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// sizes compares the images of a small server.
func (b *bench) sizes(ctx context.Context) ([]section, error) {
	s := section{
		title: "Image sizes",
		note: "Of a program that greets over net/http, linux/amd64, in MB (10⁶ bytes). *stored*: config and compressed layers, as a registry has them, without SBOM; *unpacked*: the layers' tar files. " +
			"The bases distroless-like and Alpine-like are made of this machine's files after what the real ones hold. " +
			fmt.Sprintf("ko has no empty base: in its place it gets one of %d kB of random bytes, as much as the roots and time zones that imgo adds are when compressed. ", runtimeSize>>10) +
			"*classic Dockerfile*: what articles on multi-stage builds give for scratch, distroless static and Alpine with some small server of theirs; not measured here.",
		header: []string{"base", "the base: stored", "unpacked", "imgo: stored", "unpacked", "ko: stored", "unpacked", "classic Dockerfile"},
	}
	if !b.chosen("sizes") {
		return nil, nil
	}
	if err := b.prepareKo(ctx); err != nil {
		return nil, err
	}
	w := &workload{name: "hello", module: filepath.Join(b.work, "src", "hello"), main: "cmd/hello", leaf: "internal/hello"}
	if err := generateHello(w.module, "hello"); err != nil {
		return nil, err
	}
	if err := b.ready(w); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		base    *standIn
		classic string
	}{{nil, "8"}, {&distrolessLike, "10"}, {&alpineLike, "15"}} {
		row, err := b.sizesOn(ctx, w, c.base)
		if err != nil {
			return nil, err
		}
		s.add(append(row, c.classic)...)
	}
	return []section{s}, nil
}

// sizesOn builds on a base, none if nil, and returns cells.
func (b *bench) sizesOn(ctx context.Context, w *workload, base *standIn) ([]string, error) {
	commands := b.commands(job{w: w, host: b.host + "/sizes"})
	byImgo, byKo := commands[imgo][0], commands[ko][0]
	row := []string{"scratch", notApplicable, notApplicable}
	if base != nil {
		repository := "sizes/" + map[*standIn]string{&distrolessLike: "distroless", &alpineLike: "alpine"}[base]
		ref := b.host + "/" + repository
		if err := b.publishStandIn(ctx, *base, ref); err != nil {
			return nil, err
		}
		size, err := b.imageSize(ctx, repository)
		if err != nil {
			return nil, err
		}
		row = []string{base.name, megabytes(size.stored), megabytes(size.unpacked)}
		byImgo.args = append(byImgo.args, "--base", ref)
		byKo.env = append(byKo.env, b.koEnv(ref)...)
	}
	if _, err := b.runAll(ctx, []command{byImgo, byKo}); err != nil {
		return nil, err
	}
	for _, repository := range []string{"sizes/imgo/hello", "sizes/ko/hello"} {
		size, err := b.imageSize(ctx, repository)
		if err != nil {
			return nil, err
		}
		row = append(row, megabytes(size.stored), megabytes(size.unpacked))
	}
	return row, nil
}

// imageSize is in bytes.
type imageSize struct{ stored, unpacked int64 }

// imageSize measures the image in the registry that has the tag latest.
func (b *bench) imageSize(ctx context.Context, repository string) (size imageSize, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("measuring %s: %w", repository, err)
		}
	}()
	at := "http://" + b.host + "/v2/" + repository
	var m v1.Manifest
	err = get(ctx, at+"/manifests/latest", func(body io.Reader) error {
		return json.NewDecoder(body).Decode(&m)
	})
	if err != nil {
		return size, err
	}
	size.stored = m.Config.Size
	for _, layer := range m.Layers {
		size.stored += layer.Size
		err := get(ctx, at+"/blobs/"+layer.Digest.String(), func(body io.Reader) error {
			unpacked, err := gzip.NewReader(body)
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, unpacked)
			size.unpacked += n
			return err
		})
		if err != nil {
			return size, err
		}
	}
	return size, nil
}

func get(ctx context.Context, url string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Add("Accept", string(types.OCIManifestSchema1))
	req.Header.Add("Accept", string(types.DockerManifestSchema2))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return read(resp.Body)
}
