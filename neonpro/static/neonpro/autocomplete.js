// Autocomplete fields that ask by POST: what somebody types is a patient's name, and addresses end up in logs.
"use strict";
{
    const $ = django.jQuery;

    $.fn.neonproAutocomplete = function () {
        this.each((_, element) => {
            const token = document.querySelector("[name=csrfmiddlewaretoken], [data-csrf-token]");
            $(element).select2({
                ajax: {
                    headers: token ? { "X-CSRFToken": token.value } : {},
                    data: (params) => ({
                        term: params.term,
                        page: params.page,
                        app_label: element.dataset.appLabel,
                        model_name: element.dataset.modelName,
                        field_name: element.dataset.fieldName,
                    }),
                },
            });
            const select = $(element).data("select2");
            select.on("query", (params) => {
                // Or Enter would choose from the answer to what was typed before: another patient.
                select.results.clear();
                select.results.showLoading(params);
            });
            const label = element.labels[0];
            if (label) {
                // Select2 names its field after what is chosen in it: nothing, at first.
                label.id ||= `${element.id}-label`;
                const field = $(element).next(".select2-container").find(".select2-selection");
                const chosen = field.find(".select2-selection__rendered");
                field.attr("aria-labelledby", `${label.id} ${chosen.attr("id")}`);
                chosen.attr("aria-labelledby", label.id);
            }
            if (element.autofocus) {
                // The select itself is hidden; this is what stands in its place.
                $(element).next(".select2-container").find(".select2-selection").trigger("focus");
            }
        });
        return this;
    };

    // jQuery 3.6 and later lose the focus that select2 gives its search field.
    $(document).on("select2:open", () => {
        document.querySelector(".select2-container--open .select2-search__field")?.focus();
    });

    $(() => {
        $(".admin-autocomplete").not("[name*=__prefix__]").filter("[data-ajax--url]").neonproAutocomplete();
    });

    document.addEventListener("formset:added", (event) => {
        $(event.target).find(".admin-autocomplete[data-ajax--url]").neonproAutocomplete();
    });
}
