// The rules of the HTML standard; what is not in it is left to the other tests.
export default {
  root: true,
  extends: ["html-validate:standard"],
  rules: {
    // Firefox restores the boxes that open the theme's menus after a reload, unless it is told not to.
    "valid-autocomplete": "off",
  },
};
