package base

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/publish"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// places are repositories with the same content, in the order in which they are
// asked: the mirror if there is one, and last the one that was meant.
type places []name.Repository

func (s *Source) places(ref *reference) (places, error) {
	repo := ref.remote.pull.Context()
	host := repo.RegistryStr()
	mirror := s.opts.Mirrors[host]
	if host == name.DefaultRegistry && mirror == "" {
		host = "docker.io"
		mirror = s.opts.Mirrors[host]
	}
	if mirror == "" {
		return places{repo}, nil
	}
	m, err := s.mirrored(repo, mirror)
	if err != nil {
		return nil, &ReferenceError{Ref: ref.text, Reason: fmt.Sprintf("the mirror %q of %s is not HOST[/PREFIX]: %s", mirror, host, reason(err))}
	}
	if m.Name() == repo.Name() {
		return places{repo}, nil
	}
	return places{m, repo}, nil
}

// mirrored is the repository that mirrors repo in a registry or below a prefix of it.
// The first element of mirror is a host, whether it looks like one or not.
func (s *Source) mirrored(repo name.Repository, mirror string) (name.Repository, error) {
	if strings.Contains(mirror, "://") {
		return name.Repository{}, errors.New("it has a scheme")
	}
	host, prefix, _ := strings.Cut(mirror, "/")
	opts := []name.Option{name.WeakValidation}
	if transport.PlainHTTPAllowed(host, s.opts.PlainHTTP) {
		opts = append(opts, name.Insecure)
	}
	registry, err := name.NewRegistry(host, append(opts, name.StrictValidation)...)
	if err != nil {
		return name.Repository{}, err
	}
	m := registry.Repo(prefix, repo.RepositoryStr())
	_, err = name.NewRepository(m.RepositoryStr(), opts...)
	return m, err
}

// ask asks places in their order until one answers. It returns the answer and the
// places from the one that gave it on.
func ask[T any](ctx context.Context, s *Source, from places, do func(*session) (T, error)) (T, places, error) {
	var passed error
	for i, repo := range from {
		host, last := repo.RegistryStr(), i == len(from)-1
		if !last && s.isDown(host) {
			continue
		}
		c, err := s.session(ctx, repo)
		if err == nil {
			var answer T
			if answer, err = do(c); err == nil {
				return answer, from[i:], nil
			}
		}
		switch absent, unreachable := isAbsent(err), isUnreachable(err); {
		case !last && unreachable:
			s.setDown(host, from[len(from)-1].RegistryStr(), err)
			fallthrough
		case !last && absent:
			passed = fmt.Errorf("its mirror %s: %w", host, err)
		case passed != nil:
			return *new(T), nil, fmt.Errorf("%w (before that, %v)", err, passed)
		default:
			return *new(T), nil, err
		}
	}
	return *new(T), nil, errors.New("nowhere to ask") // unreachable: the last place is always asked
}

func isAbsent(err error) bool {
	_, ok := errors.AsType[*publish.NotFoundError](err)
	return ok
}

// isUnreachable reports whether a registry gives no answer of its own. One that
// refuses is none of these: who set up a mirror wants to know that it does not accept
// the credentials.
func isUnreachable(err error) bool {
	_, unknown := errors.AsType[*publish.UnknownHostError](err)
	_, unreachable := errors.AsType[*publish.UnreachableError](err)
	_, slow := errors.AsType[*publish.SlowError](err)
	answer, answered := errors.AsType[*publish.RegistryError](err)
	return unknown || unreachable || slow || answered && answer.Status >= 500
}

func (s *Source) isDown(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down[host]
}

// setDown remembers that a mirror did not answer, so that it is waited for once only.
func (s *Source) setDown(host, original string, err error) {
	s.mu.Lock()
	known := s.down[host]
	s.down[host] = true
	s.mu.Unlock()
	if !known {
		s.opts.Events.Emit(event.Event{
			Kind: event.Warning, Stage: event.Base, Subject: host,
			Text: fmt.Sprintf("asking %s itself instead of its mirror: %v", original, err),
		})
	}
}
