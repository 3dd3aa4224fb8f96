/*
 * The appliances that ship, as their files in appliances/ say: made into C when the binary is
 * built.
 */
#ifndef SP_LAB_RECIPES_H
#define SP_LAB_RECIPES_H

struct sp_recipe {
    const char *name; /* of the file, without .sh; NULL ends the list */
    const char *text;
};
extern const struct sp_recipe sp_recipes[];

#endif
