/* SPDX-License-Identifier: MIT */
/* An intrusive doubly linked list: the links are members of the listed structs, so a list allocates
 * nothing. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *prev, *next;
};

/* The head is a link too; in an empty list it points at itself. */
static inline void list_init(struct link *head)
{
	head->prev = head->next = head;
}

static inline bool list_is_empty(const struct link *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct link *head, struct link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* Removes the link from its list; does nothing if it is in no list, or is zeroed. */
static inline void list_remove(struct link *l)
{
	if (!l->next)
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->prev = l->next = NULL;
}

static inline bool list_has(const struct link *l)
{
	return l->next != NULL;
}

static inline struct link *list_pop(struct link *head)
{
	struct link *l = head->next;

	if (l == head)
		return NULL;
	list_remove(l);
	return l;
}

/* Gives the struct of type `type` that contains the link as its member `member`. */
#define LIST_OF(linkp, type, member) ((type *)(void *)((char *)(linkp)-offsetof(type, member)))
/* A loop over all links of a list. The loop body may remove `it`, but no other link. */
#define LIST_EACH(it, head)                                                       \
	for (struct link *it = (head)->next, *it##_next = it->next; it != (head); \
	     it = it##_next, it##_next = it->next)

#endif
