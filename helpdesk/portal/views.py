from django.http import HttpResponse


def home(request, pk=0):
    return HttpResponse("")
