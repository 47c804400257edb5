package imgo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// parallel is how many bases, or repositories, are looked at at once.
const parallel = 8

// baseUse is a base and what it is used for.
type baseUse struct {
	ref       string
	platforms []v1.Platform
	all       bool // whatever platforms it has
}

// baseUses lists the bases of all that may be built, each once.
func (d *doctor) baseUses() []*baseUse {
	var out []*baseUse
	use := func(ref string) *baseUse {
		i := slices.IndexFunc(out, func(u *baseUse) bool { return u.ref == ref })
		if i < 0 {
			i, out = len(out), append(out, &baseUse{ref: ref})
		}
		return out[i]
	}
	for _, s := range d.allSettings() {
		if s.AllPlatforms {
			use(s.Base).all = true
			continue
		}
		for _, p := range s.Platforms {
			u := use(s.BaseFor(p))
			if !slices.ContainsFunc(u.platforms, p.Equals) {
				u.platforms = append(u.platforms, p)
			}
		}
	}
	return out
}

// bases is the check of the images that others are built on.
func (d *doctor) bases(ctx context.Context) []Check {
	if d.hostOnly {
		return skipped("base", noConfig)
	}
	uses := d.baseUses()
	ctx, cancel := d.limit(ctx)
	defer cancel()
	return each(uses, func(u *baseUse) Check { return d.base(ctx, u) })
}

// each checks all of a list, some at once, in its order.
func each[T any](list []T, check func(T) Check) []Check {
	out := make([]Check, len(list))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, v := range list {
		g.Go(func() error {
			out[i] = check(v)
			return nil
		})
	}
	_ = g.Wait()
	return out
}

func (d *doctor) base(ctx context.Context, u *baseUse) Check {
	title := "base " + u.ref
	if u.ref == base.Scratch {
		return Check{Name: title, Status: StatusOK, Detail: "comes with imgo"}
	}
	platforms := u.platforms
	if u.all {
		offered, err := d.client.bases.Platforms(ctx, u.ref)
		if err != nil {
			return d.failed(title, err)
		}
		platforms = offered
	}
	for _, p := range platforms {
		if _, err := d.client.bases.Base(ctx, u.ref, p); err != nil {
			return d.failed(title, err)
		}
	}
	var names []string
	for _, p := range platforms {
		names = append(names, image.PlatformString(p))
	}
	c := Check{Name: title, Status: StatusOK, Detail: "has " + strings.Join(names, ", ")}
	d.describeBase(ctx, &c, u.ref)
	return c
}

// describeBase says how old a base is, and how its pin and its tag compare.
func (d *doctor) describeBase(ctx context.Context, c *Check, ref string) {
	add := func(format string, args ...any) { c.Detail += "; " + fmt.Sprintf(format, args...) }
	locked, lockable, err := d.client.bases.LockName(ref)
	var pin baselock.Entry
	pinned := false
	if lock, lockErr := d.client.readLock(); err == nil && lockable && lockErr == nil && lock != nil {
		pin, pinned = lock.Lookup(locked)
	}
	now, err := d.client.bases.Describe(ctx, ref)
	created := now.Created
	if pinned {
		created = pin.Created
	}
	if !created.IsZero() {
		add("created %s%s", created.Format(time.DateOnly), d.age(created))
	}
	switch {
	case err != nil && pinned:
		add("pinned to %s, though what its tag points to now can't be found out: %s", image.ShortDigest(pin.Digest), err)
		c.Status = StatusNote
	case err != nil:
		add("%s", err)
		c.Status = StatusNote
	case pinned && pin.Digest != now.Digest:
		add("pinned to %s, while its tag points to %s now, which imgo base update would pin", image.ShortDigest(pin.Digest), image.ShortDigest(now.Digest))
		c.Status = StatusNote
	case pinned:
		add("pinned to %s, which its tag points to", image.ShortDigest(pin.Digest))
	case lockable:
		add("not pinned, at %s now", image.ShortDigest(now.Digest))
	}
	d.endOfLife(c, locked)
}

// endOfLife warns of a base that nobody looks after.
func (d *doctor) endOfLife(c *Check, locked string) {
	release, end, known := baselock.EndOfLife(locked, nil)
	if !known || d.now.IsZero() {
		return
	}
	day := end.Format(time.DateOnly)
	if d.now.Before(end.AddDate(0, 0, 1)) {
		c.Detail += fmt.Sprintf("; %s is looked after until %s", release, day)
		return
	}
	c.Detail += fmt.Sprintf("; %s reached its end of life on %s", release, day)
	c.Status, c.Fix = StatusWarning, "choose a base of a newer release"
}

// age is how long ago something was, for people.
func (d *doctor) age(t time.Time) string {
	days := int(d.now.Sub(t).Hours() / 24)
	switch {
	case d.now.IsZero() || days < 0:
		return ""
	case days < 1:
		return " (today)"
	case days == 1:
		return " (1 day ago)"
	}
	return fmt.Sprintf(" (%d days ago)", days)
}

// repositories lists where images would be pushed to, each once.
func (d *doctor) repositories() (out []name.Repository, unknown bool) {
	var targets []build.Target
	for _, t := range d.selected().targets {
		targets = append(targets, build.Target{Name: t.Name, Settings: t.Settings})
	}
	if len(targets) == 0 {
		for _, i := range d.req.Images {
			targets = append(targets, build.Target{Name: i.Name, Settings: i.Settings})
		}
	}
	if len(targets) == 0 {
		targets = append(targets, build.Target{Settings: d.req.Default})
	}
	// Tags don't matter here, and their templates may be what is wrong.
	naming := build.Naming{Prefix: d.req.Naming.Prefix}
	for _, t := range d.req.Naming.Tags {
		if t.Repo != "" {
			naming.Tags = append(naming.Tags, t)
		}
	}
	for _, t := range targets {
		where := build.Settings{Repository: t.Settings.Repository, Prefix: t.Settings.Prefix}
		if t.Name == "" && len(naming.Tags) == 0 && where.Repository == "" {
			unknown = true
			continue
		}
		plan, err := build.NewPlan(build.Request{Naming: naming}, []build.Target{{Name: t.Name, Settings: where}})
		if err != nil {
			continue // the settings' check says it
		}
		for _, dest := range plan.Targets[0].Repos {
			if dest.Repo.RegistryStr() != build.LocalPrefix && !slices.Contains(out, dest.Repo) {
				out = append(out, dest.Repo)
			}
		}
	}
	return out, unknown && naming.Prefix+d.req.Default.Prefix != ""
}

// registries is the check of the places that images would be pushed to.
func (d *doctor) registries(ctx context.Context) []Check {
	if d.hostOnly {
		return skipped("registry", noConfig)
	}
	repos, unknown := d.repositories()
	if len(repos) == 0 && unknown {
		return skipped("registry", noPackage)
	}
	if len(repos) == 0 {
		return skipped("registry", "no repository is named; -t REPO, --repo PREFIX and repository in .imgo.yaml do that")
	}
	ctx, cancel := d.limit(ctx)
	defer cancel()
	return each(repos, func(repo name.Repository) Check { return d.registry(ctx, repo) })
}

func (d *doctor) registry(ctx context.Context, repo name.Repository) Check {
	title := "registry " + repo.Name()
	origin, err := d.client.keychain.Origin(ctx, repo)
	if err != nil {
		return d.failed(title, fmt.Errorf("looking up credentials: %w", err))
	}
	who := "without credentials"
	if origin.Where != "" {
		who = "with the credentials of " + origin.Where
	}
	if origin.User != "" {
		who = fmt.Sprintf("as %s, %s", origin.User, who)
	}
	access, err := d.client.registry.CheckAccess(ctx, repo)
	if err != nil {
		c := d.failed(title, err)
		if isA[*publish.AuthError](err) && origin.Where != "" {
			c.Detail = fmt.Sprintf("%s; asked %s", err, who)
		}
		return c
	}
	c := Check{Name: title, Status: StatusOK, Detail: "accepts uploads " + who}
	if access.Plain {
		c.Detail += ", over plain HTTP"
	}
	return c
}
