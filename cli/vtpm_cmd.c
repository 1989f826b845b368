// SPDX-License-Identifier: MIT
/* tcbind vtpm create|list|show|delete */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/http.h"

struct options {
	const char *platform, *id, *policy;
	bool incoming, gone, json;
};

static bool parse(int argc, char **argv, struct options *ret_o)
{
	static const struct option options[] = {
		{"platform", 1, NULL, 'p'}, {"id", 1, NULL, 'i'},   {"policy", 1, NULL, 'o'},
		{"incoming", 0, NULL, 'n'}, {"gone", 0, NULL, 'g'}, {"json", 0, NULL, 'j'}, {0},
	};
	int option;

	*ret_o = (struct options){0};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p': ret_o->platform = optarg; break;
		case 'i': ret_o->id = optarg; break;
		case 'o': ret_o->policy = optarg; break;
		case 'n': ret_o->incoming = true; break;
		case 'g': ret_o->gone = true; break;
		case 'j': ret_o->json = true; break;
		default: return false;
		}
	}
	return optind == argc && ret_o->platform != NULL;
}

static void print_row(const json_t *vtpm)
{
	(void)printf("%s  %-8s  generation %lld  %s\n", json_string_value(json_object_get(vtpm, "id")),
		     json_string_value(json_object_get(vtpm, "state")),
		     (long long)json_integer_value(json_object_get(vtpm, "generation")),
		     json_string_value(json_object_get(vtpm, "control_socket")));
}

static void print(const json_t *answer, bool as_json)
{
	const json_t *list = json_object_get(answer, "vtpms"), *gone = json_object_get(answer, "gone");
	const json_t *vtpm;
	size_t i;

	if (as_json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	} else if (list != NULL) {
		json_array_foreach(list, i, vtpm) {
			print_row(vtpm);
		}
	} else if (gone != NULL) {
		json_array_foreach(gone, i, vtpm) {
			(void)printf("%s  %s\n", json_string_value(json_object_get(vtpm, "id")),
				     json_string_value(json_object_get(vtpm, "directory")));
		}
	} else {
		print_row(answer);
	}
}

static enum tcb_error create_body(const struct options *o, json_t **ret_body, struct diagnosis *d)
{
	json_t *body = json_object(), *policy;
	json_error_t where;

	if (o->id != NULL)
		(void)json_object_set_new(body, "id", json_string(o->id));
	if (o->incoming)
		(void)json_object_set_new(body, "incoming", json_true());
	if (o->policy != NULL) {
		policy = json_load_file(o->policy, JSON_REJECT_DUPLICATES, &where);
		if (!json_is_object(policy)) {
			json_decref(body);
			json_decref(policy);
			return diagnose_found(d, TCB_MALFORMED, "policy.json", "a policy: a JSON object",
					      "correct the file", "%s:%d:%d: %s", o->policy, where.line, where.column,
					      where.text);
		}
		(void)json_object_set_new(body, "policy", policy);
	}
	*ret_body = body;
	return TCB_OK;
}

static enum tcb_error ask(const char *verb, const struct options *o, json_t **ret_answer, struct diagnosis *d)
{
	struct span nothing;
	char path[64];
	json_t *body = NULL;
	enum tcb_error error;

	*ret_answer = NULL;
	(void)snprintf(path, sizeof path, "/v1/vtpms/%.36s", o->id != NULL ? o->id : "");
	if (o->gone)
		return http_json(o->platform, strcmp(verb, "delete") == 0 ? "DELETE" : "GET", "/v1/vtpms/gone", NULL, ret_answer, d);
	if (strcmp(verb, "list") == 0)
		return http_json(o->platform, "GET", "/v1/vtpms", NULL, ret_answer, d);
	if (strcmp(verb, "show") == 0)
		return http_json(o->platform, "GET", path, NULL, ret_answer, d);
	if (strcmp(verb, "delete") == 0)
		return http_request(o->platform, "DELETE", path, NULL, &nothing, d);
	TRY(create_body(o, &body, d));
	error = http_json(o->platform, "POST", "/v1/vtpms", body, ret_answer, d);
	json_decref(body);
	return error;
}

static bool is_verb(const char *verb, const struct options *o)
{
	if (o->gone)
		return o->id == NULL && (strcmp(verb, "list") == 0 || strcmp(verb, "delete") == 0);
	if (strcmp(verb, "create") == 0 || strcmp(verb, "list") == 0)
		return true;
	return o->id != NULL && (strcmp(verb, "show") == 0 || strcmp(verb, "delete") == 0);
}

static int run(int argc, char **argv)
{
	struct diagnosis d = {0};
	struct options o;
	json_t *answer;
	enum tcb_error error;

	if (argc < 2 || !parse(argc - 1, argv + 1, &o) || !is_verb(argv[1], &o))
		return report_usage(&vtpm_command);
	error = ask(argv[1], &o, &answer, &d);
	if (error != TCB_OK)
		return report_failure(error, &d);
	if (answer != NULL)
		print(answer, o.json);
	json_decref(answer);
	return 0;
}

const struct command vtpm_command = {
	.name = "vtpm",
	.usage = "  tcbind vtpm create --platform DIR [--id UUID] [--policy FILE] [--incoming] [--json]\n"
		 "  tcbind vtpm list --platform DIR [--gone] [--json]\n"
		 "  tcbind vtpm show|delete --platform DIR --id UUID [--json]\n"
		 "  tcbind vtpm delete --platform DIR --gone [--json]\n",
	.run = run,
};
