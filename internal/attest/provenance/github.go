package provenance

import (
	"cmp"
	"strings"
)

// FromGitHub reads what GitHub Actions says of a run in the variables of its jobs. The
// builder is named as GitHub's own provenance names it: by the workflow's file and ref.
// Of a reusable workflow the variables know only the caller; who has the token's
// job_workflow_ref should put it in the ID's place.
//
// The source is the commit that started the run, which need not be the one that was
// checked out: compare it with git's, where that is known. ok is false elsewhere, and
// the builder is then [LocalBuilder].
func FromGitHub(env func(string) string) (b Builder, source *Source, ok bool) {
	if env("GITHUB_ACTIONS") != "true" {
		return Builder{ID: LocalBuilder}, nil, false
	}
	server := strings.TrimSuffix(cmp.Or(repository(env("GITHUB_SERVER_URL")), "https://github.com"), "/")
	if workflow := env("GITHUB_WORKFLOW_REF"); workflow != "" {
		b.ID = server + "/" + workflow
	} else { // of an older server; GitHub's first provenance named the runner
		b.ID = "https://github.com/actions/runner/" + cmp.Or(env("RUNNER_ENVIRONMENT"), "unknown")
	}
	repo := env("GITHUB_REPOSITORY")
	if run := env("GITHUB_RUN_ID"); run != "" && repo != "" {
		b.Invocation = server + "/" + repo + "/actions/runs/" + run + "/attempts/" + cmp.Or(env("GITHUB_RUN_ATTEMPT"), "1")
	}
	for key, name := range map[string]string{
		"event_name": "GITHUB_EVENT_NAME", "repository_id": "GITHUB_REPOSITORY_ID",
		"repository_owner_id": "GITHUB_REPOSITORY_OWNER_ID", "runner_environment": "RUNNER_ENVIRONMENT",
	} {
		if v := env(name); v != "" {
			if b.GitHub == nil {
				b.GitHub = map[string]string{}
			}
			b.GitHub[key] = v
		}
	}
	if sha := env("GITHUB_SHA"); isCommit(sha) && repo != "" {
		source = &Source{Repository: server + "/" + repo, Commit: sha, Ref: env("GITHUB_REF")}
	}
	return b, source, true
}
